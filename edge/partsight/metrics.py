"""Measures of a classifier, from true labels and scores. Pure NumPy.

Used by ``partsight evaluate`` on the device and by training on the workstation, so that
both always mean the same by a figure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["auc", "classification_metrics", "confusion_matrix", "per_label"]


def classification_metrics(
    labels: tuple[str, ...], true: NDArray[np.intp], scores: NDArray[np.float64]
) -> dict[str, Any]:
    """All figures of one set of scored pictures, ready for JSON.

    Args:
        labels: K names, in the order of the columns of ``scores``.
        true: int (N,), index of each picture's label.
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
    """Count pictures by true label (rows) and predicted label (columns): int (count, count)."""
    confusion = np.zeros((count, count), np.intp)
    np.add.at(confusion, (true, predicted), 1)
    return confusion


def per_label(
    labels: tuple[str, ...], confusion: NDArray[np.intp]
) -> dict[str, dict[str, float | int | None]]:
    """Precision, recall, F1 and support of each label; None where it is 0 / 0."""
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
    """Area under the ROC curve: the chance that a positive outscores a negative.

    By the Mann-Whitney statistic U = R - n(n + 1) / 2, where R is the sum of the ranks
    of the n positives and equal scores share their mean rank (J. Hanley and B. McNeil,
    Radiology 143, 1982).

    Args:
        positive: bool (N,).
        score: float (N,), higher for positives.

    Returns:
        In [0, 1]; None where only one kind is present.
    """
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(size) - (size - 1) / 2
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return None
    statistic = mean_rank[group][positive].sum() - positives * (positives + 1) / 2
    return float(statistic / (positives * negatives))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
