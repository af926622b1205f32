"""Decides on a verdict from scores and contrast: the only place where thresholds are applied."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from partsight.decision.operating_point import OperatingPoint
from partsight.records import Prediction, Verdict

__all__ = [
    "accept_score",
    "accept_scores",
    "decide",
    "is_flat",
    "reason",
    "verdicts",
    "worst_tile",
]


def accept_score(scores: Mapping[str, float], point: OperatingPoint) -> float:
    """The deciding score: the sum over the labels of good parts, at most 1.

    Quantized scores are rounded separately, so that the sum of several can exceed 1.
    """
    return min(1.0, sum(scores[label] for label in point.accept_labels))


def is_flat(prediction: Prediction, point: OperatingPoint) -> bool:
    """Whether the image has practically no contrast, so that its scores have no meaning."""
    return prediction.contrast is not None and prediction.contrast < point.min_contrast


def decide(prediction: Prediction, point: OperatingPoint) -> Verdict:
    """The verdict for one prediction."""
    if not point.accept_labels or is_flat(prediction, point):
        return Verdict.REVIEW
    score = accept_score(prediction.scores, point)
    if score > point.accept_above:
        return Verdict.ACCEPT
    return Verdict.REJECT if score < point.reject_below else Verdict.REVIEW


def reason(prediction: Prediction, point: OperatingPoint) -> str:
    """The reason for the verdict of ``decide``, in words."""
    if is_flat(prediction, point):
        return (
            f"the picture has practically no contrast: {prediction.contrast:.0f} of 255 grey "
            f"levels, at least {point.min_contrast:g} expected"
        )
    if not point.accept_labels:
        return "no label is known to mean a good part"
    score = accept_score(prediction.scores, point)
    good = " + ".join(point.accept_labels)
    verdict = decide(prediction, point)
    if verdict is Verdict.ACCEPT:
        return f"{good} {score:.3f} is above {point.accept_above:.3f}"
    if verdict is Verdict.REJECT:
        return f"{good} {score:.3f} is below {point.reject_below:.3f}"
    return f"{good} {score:.3f} is not above {point.accept_above:.3f}"


def accept_scores(
    labels: tuple[str, ...], scores: NDArray[np.float64], accept_labels: tuple[str, ...]
) -> NDArray[np.float64]:
    """``accept_score`` for many images.

    Args:
        labels: K names, in the order of the columns of ``scores``.
        scores: float (N, K), probabilities.
        accept_labels: the labels of good parts.

    Returns:
        float (N,), in [0, 1].
    """
    good = [labels.index(label) for label in accept_labels]
    sums: NDArray[np.float64] = np.minimum(1.0, scores[:, good].sum(axis=1))
    return sums


def worst_tile(
    labels: tuple[str, ...], scores: NDArray[np.float64], accept_labels: tuple[str, ...]
) -> int:
    """The index of the tile, of T with scores (T, K), that is least like a good part."""
    return int(accept_scores(labels, scores, accept_labels).argmin())


def verdicts(
    accept_scores: NDArray[np.float64],
    point: OperatingPoint,
    contrasts: NDArray[np.float64] | None = None,
) -> NDArray[np.str_]:
    """``decide`` for many images.

    Args:
        accept_scores: float (N,), the deciding scores.
        point: the thresholds.
        contrasts: float (N,), see ``Prediction.contrast``; None if they were not measured.

    Returns:
        str (N,), the verdicts' texts.
    """
    if not point.accept_labels:
        return np.full(len(accept_scores), Verdict.REVIEW.value)
    below = np.where(accept_scores < point.reject_below, Verdict.REJECT.value, Verdict.REVIEW.value)
    found = np.where(accept_scores > point.accept_above, Verdict.ACCEPT.value, below)
    if contrasts is None:
        return found
    return np.where(contrasts < point.min_contrast, Verdict.REVIEW.value, found)
