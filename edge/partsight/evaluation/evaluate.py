"""Evaluates a model file on labelled folders: accuracy, verdicts and latency."""

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

from partsight.decision.operating_point import OperatingPoint
from partsight.errors import DatasetError, ImageError
from partsight.evaluation.metrics import classification_metrics
from partsight.evaluation.verdict_metrics import verdict_metrics
from partsight.image.out_of_memory import raise_if_out_of_memory
from partsight.image.undeclared_depth import UndeclaredBits, UndeclaredDepthError
from partsight.image_files.layout import (
    LabelFolder,
    Layout,
    image_files_of_label,
    label_key,
    read_layout,
)
from partsight.image_files.read import no_image_files, read_images
from partsight.image_files.walk import LeftOut
from partsight.inference.classifier import Classifier
from partsight.utils.counts import counted

__all__ = ["ScoredImages", "evaluate", "labelled_image_files", "score_images"]

logger = logging.getLogger(__name__)

_OF_VERDICTS = ("verdicts", "recall_of_bad", "false_reject_rate")


@dataclass(frozen=True, slots=True, eq=False)
class ScoredImages:
    """Scores of a model file for labelled images.

    Attributes:
        paths: N files that could be read.
        true: int (N,), label index of each.
        scores: float (N, K), probabilities.
        seconds: float (N,), time from the decoded image to its scores.
        failed: path and reason of each image that could not be read.
        contrasts: float (N,), see ``Prediction.contrast``; None if they were not measured.
        undeclared_bits: counts the failed 16-bit files whose depth the model does not declare.
    """

    paths: tuple[Path, ...]
    true: NDArray[np.intp]
    scores: NDArray[np.float64]
    seconds: NDArray[np.float64]
    failed: tuple[tuple[Path, str], ...]
    contrasts: NDArray[np.float64] | None = None
    undeclared_bits: UndeclaredBits = dataclasses.field(default_factory=UndeclaredBits)


def labelled_image_files(
    folder: Path,
    labels: tuple[str, ...],
    left_out: LeftOut | None = None,
    warn: Callable[[str], object] = logger.warning,
) -> list[tuple[Path, int]]:
    """The image files below ``folder`` with the index of their label.

    Folder names match labels regardless of case, outer spaces and Unicode form. If the set has
    published splits, the test split is used.

    Args:
        folder: has one sub-folder per label.
        labels: of the model.
        left_out: collects files that are not read; without it, an unreadable folder is an error.
        warn: called with a note if splits were found or folders are not used.

    Raises:
        DatasetError: there are no images, a sub-folder is not a label of the model, a divided set
            has no test split, or a folder cannot be read.
    """
    aside = left_out or LeftOut()
    folders = _measured(folder, read_layout(folder, aside), warn)
    unknown = [each.name for each in folders if _label_index(each.name, labels) is None]
    if unknown:
        raise DatasetError(
            f"{folder} has sub-folders {unknown} that the model has no label for. "
            f"Expected some of {list(labels)}; move or rename the others."
        )
    images = [
        (path, index)
        for each in folders
        if (index := _label_index(each.name, labels)) is not None
        for path in image_files_of_label(each.path, aside)
        if isinstance(path, Path)
    ]
    if left_out is None and aside.unreadable:
        path, reason = next(iter(aside.unreadable.items()))
        raise DatasetError(f"{path}: {reason}. Make it readable, or remove it.")
    if not images:
        raise no_image_files(f"{folder} (sub-folders {list(labels)})", aside)
    return images


def _measured(folder: Path, layout: Layout, warn: Callable[[str], object]) -> list[LabelFolder]:
    """The label folders to evaluate on."""
    if (aside := layout.aside()) is not None:
        warn(aside)
    if not layout.splits:
        return list(layout.folders)
    if "test" not in layout.splits:
        paths = dict.fromkeys(str(each.path.parent) for each in layout.folders)
        raise DatasetError(
            f"{folder} is divided into {' and '.join(layout.splits)} without a test split. Pass "
            f"the folder to evaluate on, one of: {', '.join(paths)}"
        )
    folders = layout.of("test")
    used = ", ".join(dict.fromkeys(str(each.path.parent) for each in folders))
    warn(f"{folder} is divided already: its test split is used ({used})")
    return list(folders)


def _label_index(name: str, labels: tuple[str, ...]) -> int | None:
    """The label index for a folder's name; None if no label or more than one matches."""
    if name in labels:
        return labels.index(name)
    same = [index for index, label in enumerate(labels) if label_key(label) == label_key(name)]
    return same[0] if len(same) == 1 else None


def score_images(
    classifier: Classifier,
    images: Iterable[tuple[Path, int]],
    clock: Callable[[], float] = time.perf_counter,
) -> ScoredImages:
    """Classify labelled images.

    Args:
        classifier: the loaded model.
        images: path and label index of each.
        clock: seconds, monotonic.
    """
    # Consumed while scoring, so that a progress bar around the iterable shows the scoring.
    for_reading, for_truth = itertools.tee(images)
    images_read = read_images((path for path, _ in for_reading), classifier.contract.preprocess)
    read, true, scores, seconds, failed = [], [], [], [], []
    contrasts: list[float | None] = []
    undeclared = UndeclaredBits()
    for (_, label), (path, image) in zip(for_truth, images_read, strict=True):
        if isinstance(image, ImageError):
            raise_if_out_of_memory(image)
            if isinstance(image, UndeclaredDepthError):
                undeclared.add(image.bits)
            failed.append((path, str(image)))
            continue
        started = clock()
        (prediction,) = classifier.classify([image])
        seconds.append(clock() - started)
        read.append(path)
        contrasts.append(prediction.contrast)
        true.append(label)
        scores.append([prediction.scores[label] for label in classifier.contract.labels])
    table = np.array(scores, np.float64).reshape(len(read), len(classifier.contract.labels))
    labels = np.array(true, np.intp)
    return ScoredImages(
        tuple(read),
        labels,
        table,
        np.array(seconds),
        tuple(failed),
        # A missing value becomes NaN, which is not below any limit.
        np.array(contrasts, np.float64),
        undeclared,
    )


def evaluate(
    classifier: Classifier, scored: ScoredImages, point: OperatingPoint | None = None
) -> dict[str, Any]:
    """The metrics of a scored set, as JSON values.

    Args:
        classifier: the model of the scores.
        scored: the images.
        point: operating point of the verdicts; None means the model's own.

    Returns:
        The keys of ``classification_metrics``; ``operating_point``; ``verdicts``, ``recall_of_bad``
        and ``false_reject_rate`` (see ``verdict_metrics``); ``flat`` (path and contrast of images
        with practically no contrast, whose verdict is review); ``latency_ms`` (``p50`` and
        ``p95``); and ``failed`` (path and error of images that could not be read).

    Raises:
        DatasetError: no image could be read.
    """
    if not scored.paths:
        first = f": {scored.failed[0][0]}: {scored.failed[0][1]}" if scored.failed else ""
        raise DatasetError(
            f"no picture could be read, {counted(len(scored.failed), 'file')} failed{first}. "
            "Expected at least one readable picture. Check the files."
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


def _flat(scored: ScoredImages, point: OperatingPoint) -> Iterator[dict[str, Any]]:
    if scored.contrasts is not None:
        for row in np.flatnonzero(scored.contrasts < point.min_contrast):
            yield {"path": str(scored.paths[row]), "contrast": float(scored.contrasts[row])}
