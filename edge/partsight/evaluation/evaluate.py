"""A model file against labelled folders: how often it is right, and how fast.

Enters: a classifier and a folder with a sub-folder a label. Leaves: figures for JSON.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import OperatingPoint
from partsight.errors import DatasetError, ImageError
from partsight.evaluation.metrics import classification_metrics
from partsight.evaluation.verdict_metrics import verdict_metrics
from partsight.image.out_of_memory import raise_if_out_of_memory
from partsight.image.undeclared_depth import UndeclaredBits, UndeclaredDepthError
from partsight.image_files.layout import (
    LabelFolder,
    Layout,
    label_key,
    pictures_of_label,
    read_layout,
)
from partsight.image_files.read import no_pictures, read_pictures
from partsight.image_files.walk import LeftOut
from partsight.inference.classifier import Classifier

__all__ = ["ScoredPictures", "evaluate", "labelled_pictures", "score_pictures"]

logger = logging.getLogger(__name__)

_OF_VERDICTS = ("verdicts", "recall_of_bad", "false_reject_rate")


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPictures:
    """What a model file said of pictures whose labels are known.

    Attributes:
        paths: N files that could be read.
        true: int (N,), index of each one's label.
        scores: float (N, K), probabilities.
        seconds: float (N,), time from the decoded picture to its scores.
        failed: path and reason of each picture that could not be read.
        contrasts: float (N,), see ``Prediction.contrast``; None where they were not measured.
        undeclared_bits: counts the failed 16-bit files whose depth the model does not declare.
    """

    paths: tuple[Path, ...]
    true: NDArray[np.intp]
    scores: NDArray[np.float64]
    seconds: NDArray[np.float64]
    failed: tuple[tuple[Path, str], ...]
    contrasts: NDArray[np.float64] | None = None
    undeclared_bits: UndeclaredBits = dataclasses.field(default_factory=UndeclaredBits)


def labelled_pictures(
    folder: Path,
    labels: tuple[str, ...],
    left_out: LeftOut | None = None,
    tell: Callable[[str], object] = logger.warning,
) -> list[tuple[Path, int]]:
    """The pictures below ``folder`` with the index of their label.

    Folder names match labels whatever their case, outer spaces and form of letters. Of a set
    that is divided into published splits the test split is taken.

    Args:
        folder: a sub-folder per label.
        labels: of the model.
        left_out: collects what is not read; without it a folder that cannot be read is an error.
        tell: is given how the folder was read, where that is not plain.

    Raises:
        DatasetError: no pictures, a sub-folder that the model has no label for, a divided set
            without a test split, or a folder that cannot be read.
    """
    aside = left_out or LeftOut()
    folders = _measured(folder, read_layout(folder, aside), tell)
    unknown = [each.name for each in folders if _label_index(each.name, labels) is None]
    if unknown:
        raise DatasetError(
            f"{folder} has sub-folders {unknown} that the model has no label for. "
            f"Expected some of {list(labels)}; move or rename the others."
        )
    pictures = [
        (path, index)
        for each in folders
        if (index := _label_index(each.name, labels)) is not None
        for path in pictures_of_label(each.path, aside)
        if isinstance(path, Path)
    ]
    if left_out is None and aside.unreadable:
        path, reason = next(iter(aside.unreadable.items()))
        raise DatasetError(f"{path}: {reason}. Make it readable, or remove it.")
    if not pictures:
        raise no_pictures(f"{folder} (sub-folders {list(labels)})", aside)
    return pictures


def _measured(folder: Path, layout: Layout, tell: Callable[[str], object]) -> list[LabelFolder]:
    """The label folders to measure on."""
    if (aside := layout.aside()) is not None:
        tell(aside)
    if not layout.splits:
        return list(layout.folders)
    if "test" not in layout.splits:
        paths = dict.fromkeys(str(each.path.parent) for each in layout.folders)
        raise DatasetError(
            f"{folder} is divided into {' and '.join(layout.splits)} without a test split. Pass "
            f"the folder to measure on, one of: {', '.join(paths)}"
        )
    folders = layout.of("test")
    used = ", ".join(dict.fromkeys(str(each.path.parent) for each in folders))
    tell(f"{folder} is divided already: its test split is used ({used})")
    return list(folders)


def _label_index(name: str, labels: tuple[str, ...]) -> int | None:
    """The label that a folder's name means; None for none, or for more than one."""
    if name in labels:
        return labels.index(name)
    same = [index for index, label in enumerate(labels) if label_key(label) == label_key(name)]
    return same[0] if len(same) == 1 else None


def score_pictures(
    classifier: Classifier,
    pictures: Iterable[tuple[Path, int]],
    clock: Callable[[], float] = time.perf_counter,
) -> ScoredPictures:
    """Run a model file over labelled pictures.

    Args:
        classifier: the loaded model.
        pictures: path and label index of each.
        clock: seconds, monotonic.
    """
    # Not exhausted beforehand, so that a progress bar around them tells of the scoring.
    for_reading, for_truth = itertools.tee(pictures)
    pictures_read = read_pictures((path for path, _ in for_reading), classifier.contract.preprocess)
    read, true, scores, seconds, failed = [], [], [], [], []
    contrasts: list[float | None] = []
    undeclared = UndeclaredBits()
    for (_, label), (path, picture) in zip(for_truth, pictures_read, strict=True):
        if isinstance(picture, ImageError):
            raise_if_out_of_memory(picture)
            failed.append((path, str(picture)))
            if isinstance(picture, UndeclaredDepthError):
                undeclared.add(picture.bits)
            continue
        started = clock()
        (prediction,) = classifier.classify([picture])
        seconds.append(clock() - started)
        read.append(path)
        contrasts.append(prediction.contrast)
        true.append(label)
        scores.append([prediction.scores[label] for label in classifier.contract.labels])
    table = np.array(scores, np.float64).reshape(len(read), len(classifier.contract.labels))
    labels = np.array(true, np.intp)
    return ScoredPictures(
        tuple(read),
        labels,
        table,
        np.array(seconds),
        tuple(failed),
        # One that was not measured becomes NaN, which is below no limit.
        np.array(contrasts, np.float64),
        undeclared,
    )


def evaluate(
    classifier: Classifier, scored: ScoredPictures, point: OperatingPoint | None = None
) -> dict[str, Any]:
    """The figures of a scored set, ready for JSON.

    Args:
        classifier: that gave the scores.
        scored: the pictures.
        point: what verdicts are given by; None is the model's own.

    Returns:
        Those of ``classification_metrics``, with ``operating_point``; ``verdicts``,
        ``recall_of_bad`` and ``false_reject_rate`` (see ``verdict_metrics``); ``flat`` (path and
        contrast of pictures with practically none, whose verdict is review); ``latency_ms``
        (``p50`` and ``p95``) and ``failed`` (path and error of what could not be read).

    Raises:
        DatasetError: not one picture could be read.
    """
    if not scored.paths:
        example = "; ".join(f"{path}: {reason}" for path, reason in scored.failed[:1])
        raise DatasetError(
            f"none of {len(scored.failed)} pictures could be read; the first one, {example}"
        )
    p50, p95 = np.percentile(scored.seconds * 1000, [50, 95])
    contract = classifier.contract
    point = point or contract.operating_point
    of_verdicts = verdict_metrics(
        contract.labels, scored.true, scored.scores, point, scored.contrasts
    )
    return {
        **classification_metrics(contract.labels, scored.true, scored.scores),
        "operating_point": dataclasses.asdict(point),
        **{name: of_verdicts[name] for name in _OF_VERDICTS},
        "flat": list(_flat(scored, point)),
        "latency_ms": {"p50": round(float(p50), 3), "p95": round(float(p95), 3)},
        "failed": [{"path": str(path), "error": reason} for path, reason in scored.failed],
    }


def _flat(scored: ScoredPictures, point: OperatingPoint) -> Iterator[dict[str, Any]]:
    if scored.contrasts is not None:
        for row in np.flatnonzero(scored.contrasts < point.min_contrast):
            yield {"path": str(scored.paths[row]), "contrast": float(scored.contrasts[row])}
