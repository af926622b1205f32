"""Metrics of a classifier, from true labels and scores. Pure NumPy.

Used by ``partsight evaluate`` on the device and by training on the workstation, so that both use
the same definitions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "auc",
    "classification_metrics",
    "confusion_matrix",
    "false_positives_at_recall",
    "per_label",
    "precision_at_recall",
    "recall_at_precision",
]

_ROUNDING = 1e-9


def classification_metrics(
    labels: tuple[str, ...], true: NDArray[np.intp], scores: NDArray[np.float64]
) -> dict[str, Any]:
    """All metrics of one set of scored images, as JSON values.

    Args:
        labels: K names, in the order of the columns of ``scores``.
        true: int (N,), label index of each image.
        scores: float (N, K), probabilities.

    Returns:
        ``accuracy``, ``images``, ``labels``, ``confusion`` (rows true, columns
        predicted), ``per_label`` and, for two labels, ``auc``.
    """
    confusion = confusion_matrix(true, scores.argmax(axis=1), len(labels))
    metrics: dict[str, Any] = {
        "accuracy": _ratio(float(confusion.trace()), float(confusion.sum())),
        "images": len(true),
        "labels": list(labels),
        "confusion": confusion.tolist(),
        "per_label": per_label(labels, confusion),
    }
    if len(labels) == 2:
        metrics["auc"] = auc(true == 1, scores[:, 1])
    return metrics


def confusion_matrix(
    true: NDArray[np.intp], predicted: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """Count images by true label (rows) and predicted label (columns): int (count, count)."""
    confusion = np.zeros((count, count), np.intp)
    np.add.at(confusion, (true, predicted), 1)
    return confusion


def per_label(
    labels: tuple[str, ...], confusion: NDArray[np.intp]
) -> dict[str, dict[str, float | int | None]]:
    """Precision, recall, F1 and support of each label; None for 0 / 0."""
    rows = {}
    for index, label in enumerate(labels):
        hits = float(confusion[index, index])
        predicted, support = float(confusion[:, index].sum()), float(confusion[index].sum())
        rows[label] = {
            "precision": _ratio(hits, predicted),
            "recall": _ratio(hits, support),
            "f1": _ratio(2 * hits, predicted + support),
            "support": int(support),
        }
    return rows


def auc(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float | None:
    """Area under the ROC curve: the probability that a positive scores above a negative.

    From the Mann-Whitney statistic U = R - n(n + 1) / 2, where R is the sum of the ranks of the n
    positives and equal scores share their mean rank (J. Hanley and B. McNeil, Radiology 143, 1982).

    Args:
        positive: bool (N,).
        score: float (N,), higher for positives.

    Returns:
        In [0, 1]; None if only one class is present.
    """
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(size) - (size - 1) / 2
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return None
    statistic = mean_rank[group][positive].sum() - positives * (positives + 1) / 2
    return float(statistic / (positives * negatives))


def precision_at_recall(
    positive: NDArray[np.bool_], score: NDArray[np.float64], recall: float
) -> float | None:
    """The best precision of all thresholds with at least this recall.

    Args:
        positive: bool (N,).
        score: float (N,), higher for positives.
        recall: in (0, 1].

    Returns:
        In [0, 1]; None if only one class is present.
    """
    curve = _precision_recall(positive, score)
    return None if curve is None else float(curve[0][curve[1] >= recall - _ROUNDING].max())


def recall_at_precision(
    positive: NDArray[np.bool_], score: NDArray[np.float64], precision: float
) -> float | None:
    """The best recall of all thresholds with at least this precision.

    Args:
        positive: bool (N,).
        score: float (N,), higher for positives.
        precision: in (0, 1].

    Returns:
        In [0, 1], 0 if no threshold has that precision; None if only one class is present.
    """
    curve = _precision_recall(positive, score)
    if curve is None:
        return None
    return float(curve[1][curve[0] >= precision - _ROUNDING].max(initial=0.0))


def false_positives_at_recall(
    positive: NDArray[np.bool_], score: NDArray[np.float64], recall: float
) -> float | None:
    """The false positive rate of the highest threshold with at least this recall.

    Args:
        positive: bool (N,).
        score: float (N,), higher for positives.
        recall: in (0, 1].

    Returns:
        In [0, 1]; None if only one class is present.
    """
    if positive.all() or not positive.any():
        return None
    descending = np.sort(score[positive])[::-1]
    enough = int(np.ceil(len(descending) * recall - _ROUNDING))
    return float((score[~positive] >= descending[enough - 1]).mean())


def _precision_recall(
    positive: NDArray[np.bool_], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Precision and recall for each distinct score as the threshold."""
    if positive.all() or not positive.any():
        return None
    order = np.argsort(-score, kind="stable")
    # Equal scores are above a threshold together: only the last one of each counts.
    last = np.append(np.diff(score[order]) != 0, True)
    hits = np.cumsum(positive[order])[last]
    return hits / (np.flatnonzero(last) + 1), hits / hits[-1]


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
