"""The worst mistakes as pictures: what was taken for what, and for which pixels.

Enters: a ``RunRecord``. Leaves: small JPEGs as data addresses, with their captions.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import accept_scores, verdicts
from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.preprocess import preprocess
from partsight.image.resize import shrink
from partsight.image.spec import PreprocessSpec
from partsight.utils.opencv import cv2
from partsight_train.data.thumbnails import data_address
from partsight_train.report.record import RunRecord

__all__ = ["MOST_MISTAKES", "Mistake", "mistakes", "overlay"]

MOST_MISTAKES = 24
_SIDE = 360
# Of the heat: the hottest pixel hides this share of the picture.
_OPACITY = 0.6
# Of the picture's side: as far as the network's positions lie apart, or nearly.
_SMOOTHING = 0.03


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture that got another label than its own, or whose bad part was accepted.

    Attributes:
        name: the file's.
        true: its label.
        taken_for: the label that it got.
        score: of that label, in [0, 1].
        verdict: what the operating point makes of it.
        escaped: whether a bad part was accepted.
        picture: a data address; None where the file is gone by now.
        overlay: the same with its activation map; None where there is none.
    """

    name: str
    true: str
    taken_for: str
    score: float
    verdict: str
    escaped: bool
    picture: str | None
    overlay: str | None


def mistakes(record: RunRecord) -> tuple[list[Mistake], int]:
    """The mistakes of the delivered file on the test split.

    Returns:
        The surest, at most ``MOST_MISTAKES``, and how many there are.
    """
    labels, point, scored = record.labels, record.point, record.on_test
    predicted = scored.scores.argmax(axis=1)
    deciding = accept_scores(labels, scored.scores, point.accept_labels)
    given = verdicts(deciding, point, scored.contrasts)
    good = np.isin(scored.true, [labels.index(label) for label in point.accept_labels])
    escaped = (given == "accept") & ~good
    wrong = np.flatnonzero((predicted != scored.true) | escaped)
    surest = wrong[np.argsort(-scored.scores[wrong].max(axis=1), kind="stable")]
    shown = []
    for index in surest[:MOST_MISTAKES]:
        label = int(predicted[index])
        shown.append(
            Mistake(
                scored.paths[index].name,
                labels[scored.true[index]],
                labels[label],
                float(scored.scores[index, label]),
                str(given[index]),
                bool(escaped[index]),
                *_pictures(record, scored.paths[index], label),
            )
        )
    return shown, len(wrong)


def _pictures(record: RunRecord, path: Path, label: int) -> tuple[str | None, str | None]:
    try:
        image = _seen(path, record.spec)
        heat = record.maps(path, label) if record.maps else None
    except ImageError:
        return None, None
    small = shrink(image, _SIDE)
    return data_address(small), None if heat is None else data_address(overlay(small, heat))


def _seen(path: Path, spec: PreprocessSpec | None) -> NDArray[Any]:
    """The picture in its own proportions; or, where the network sees less of it, that."""
    if spec is None or (spec.fit == "stretch" and spec.roi is None):
        depth = None if spec is None else spec.bit_depth
        return decode(path, PreprocessSpec(_SIDE, _SIDE, bit_depth=depth))
    scale = _SIDE / max(spec.height, spec.width)
    height, width = max(1, round(spec.height * scale)), max(1, round(spec.width * scale))
    seen = dataclasses.replace(spec, height=height, width=width)
    return preprocess(decode(path, seen), seen)[:, :, ::-1]


def overlay(image_bgr: NDArray[Any], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a map over a picture: warm and bright where it speaks for the label.

    Args:
        image_bgr: uint8 (H, W, 3).
        heat: float (h, w) over the same picture; what is below 0 stays clear.

    Returns:
        uint8 (H, W, 3), blue-green-red.
    """
    height, width = image_bgr.shape[:2]
    # A maximum lies in one position, a point on the picture; smoothed, it is seen.
    smooth = cv2.GaussianBlur(heat, (0, 0), _SMOOTHING * max(heat.shape))
    large = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR)
    positive = np.maximum(np.asarray(large, np.float32), 0)
    strength = positive / max(float(positive.max()), float(np.finfo(np.float32).tiny))
    # Inferno rises in lightness all along, so that it is read without seeing colours.
    colour = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)
    opacity = _OPACITY * strength[..., np.newaxis]
    blended: NDArray[np.uint8] = np.rint(image_bgr * (1 - opacity) + colour * opacity).astype(
        np.uint8
    )
    return blended
