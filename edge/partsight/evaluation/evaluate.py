"""A model file against labelled folders: how often it is right, and how fast.

Enters: a classifier and a folder with a sub-folder a label. Leaves: figures for JSON.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.classify import Classifier
from partsight.decide import OperatingPoint
from partsight.errors import DatasetError, ImageError
from partsight.evaluation.metrics import classification_metrics
from partsight.evaluation.verdict_metrics import verdict_metrics
from partsight.pictures import label_folders, read_pictures

__all__ = ["ScoredPictures", "evaluate", "labelled_pictures", "score_pictures"]

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
    """

    paths: tuple[Path, ...]
    true: NDArray[np.intp]
    scores: NDArray[np.float64]
    seconds: NDArray[np.float64]
    failed: tuple[tuple[Path, str], ...]
    contrasts: NDArray[np.float64] | None = None


def labelled_pictures(folder: Path, labels: tuple[str, ...]) -> list[tuple[Path, int]]:
    """The pictures below ``folder`` with the index of their label.

    Raises:
        DatasetError: no pictures, or a sub-folder that the model has no label for.
    """
    found = label_folders(folder)
    unknown = sorted(set(found) - set(labels))
    if unknown:
        raise DatasetError(
            f"{folder} has sub-folders {unknown} that the model has no label for. "
            f"Expected some of {list(labels)}; move or rename the others."
        )
    pictures = [(path, labels.index(label)) for label in found for path in found[label]]
    if not pictures:
        raise DatasetError(f"no pictures in {folder}. Expected sub-folders {list(labels)}.")
    return pictures


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
    for (_, label), (path, picture) in zip(for_truth, pictures_read, strict=True):
        if isinstance(picture, ImageError):
            failed.append((path, str(picture)))
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
        raise DatasetError(f"none of {len(scored.failed)} pictures could be read; nothing to say")
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
