"""The worst mistakes of a run: small JPEGs as data addresses, with the values of their captions."""

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
from partsight_train.data.thumbnails import data_uri
from partsight_train.report.record import RunRecord

__all__ = ["MOST_MISTAKES", "Mistake", "mistakes", "overlay"]

MOST_MISTAKES = 24
_SIDE = 360
# Opacity of the hottest pixel.
_OPACITY = 0.6
# Standard deviation as a share of the longest side: about the distance of two positions of a map.
_SMOOTHING = 0.03


@dataclass(frozen=True, slots=True)
class Mistake:
    """An image with a wrong label, or of a bad part that was accepted.

    Attributes:
        name: file name.
        true: true label.
        predicted: label with the highest score.
        score: score of the predicted label, in [0, 1].
        verdict: verdict by the operating point.
        escaped: whether a bad part was accepted.
        image: data address of the image; None if the file no longer exists.
        overlay: data address of the image with its activation map; None if there is no map.
    """

    name: str
    true: str
    predicted: str
    score: float
    verdict: str
    escaped: bool
    image: str | None
    overlay: str | None


def mistakes(record: RunRecord) -> tuple[list[Mistake], int]:
    """Collect the mistakes of the delivered file on the test split.

    Returns:
        The mistakes with the highest scores, at most ``MOST_MISTAKES``, and the total number.
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
                *_images(record, scored.paths[index], label),
            )
        )
    return shown, len(wrong)


def _images(record: RunRecord, path: Path, label: int) -> tuple[str | None, str | None]:
    try:
        image = _shown(path, record.spec)
        heat = record.maps(path, label) if record.maps else None
    except ImageError:
        return None, None
    small = shrink(image, _SIDE)
    return data_uri(small), None if heat is None else data_uri(overlay(small, heat))


def _shown(path: Path, spec: PreprocessSpec | None) -> NDArray[Any]:
    """The image in its own proportions, or as the network gets it with a region or grey bars."""
    if spec is None or (spec.fit == "stretch" and spec.roi is None):
        depth = None if spec is None else spec.bit_depth
        return decode(path, PreprocessSpec(_SIDE, _SIDE, bit_depth=depth))
    scale = _SIDE / max(spec.height, spec.width)
    height, width = max(1, round(spec.height * scale)), max(1, round(spec.width * scale))
    small = dataclasses.replace(spec, height=height, width=width)
    return preprocess(decode(path, small), small)[:, :, ::-1]


def overlay(image_bgr: NDArray[Any], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay an activation map over an image: warm and bright where it supports the label.

    Args:
        image_bgr: uint8 (H, W, 3).
        heat: map of the same image, float (h, w); values below 0 stay transparent.

    Returns:
        uint8 (H, W, 3), blue-green-red.
    """
    height, width = image_bgr.shape[:2]
    # A maximum in a single position is hardly visible without smoothing.
    smooth = cv2.GaussianBlur(heat, (0, 0), _SMOOTHING * max(heat.shape))
    large = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR)
    positive = np.maximum(np.asarray(large, np.float32), 0)
    strength = positive / max(float(positive.max()), float(np.finfo(np.float32).tiny))
    # The lightness of Inferno increases steadily, so that it is readable without colours.
    colour = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)
    opacity = _OPACITY * strength[..., np.newaxis]
    blended: NDArray[np.uint8] = np.rint(image_bgr * (1 - opacity) + colour * opacity).astype(
        np.uint8
    )
    return blended
