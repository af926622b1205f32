"""The values of the charts: pure functions of scores and true kinds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.evaluation.intervals import Interval, proportion_interval
from partsight_train.report.kinds import Kinds

__all__ = ["Bin", "calibration_error", "precision_recall", "reliability", "roc"]

_BINS = 10

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Bin:
    """Images with similar scores.

    Attributes:
        score: mean score, in [0, 1].
        share: share of images of the kind that the score is for, in [0, 1].
        interval: 95 % interval of ``share``.
        count: number of images, 1 or more.
    """

    score: float
    share: float
    interval: Interval
    count: int


def roc(kinds: Kinds) -> Curve:
    """False-reject rate and recall of bad parts at each threshold; needs both kinds.

    Returns:
        Both float (M,) in [0, 1], rising from (0, 0), where all parts are accepted, to (1, 1).
    """
    escaped, accepted = _accepted(kinds)
    return 1 - accepted / accepted[0], 1 - escaped / escaped[0]


def precision_recall(kinds: Kinds) -> Curve:
    """Recall of bad parts at each threshold, and the share of bad among the parts not accepted.

    Needs both kinds.

    Returns:
        Recall, float (M,), rising to 1, and precision; without the threshold that accepts all
        parts, which has no precision.
    """
    escaped, accepted = _accepted(kinds)
    caught, rejected = (escaped[0] - escaped)[1:], (accepted[0] - accepted)[1:]
    return caught / escaped[0], caught / (caught + rejected)


def _accepted(kinds: Kinds) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Numbers of bad and of good parts at or above each score, and above the highest score."""
    levels, group = np.unique(kinds.score, return_inverse=True)
    size = len(levels) + 1
    at = (np.bincount(group[chosen], minlength=size) for chosen in (kinds.bad, ~kinds.bad))
    escaped, accepted = (np.cumsum(count[::-1])[::-1] for count in at)
    return escaped, accepted


def reliability(score: NDArray[np.float64], correct: NDArray[np.bool_]) -> list[Bin]:
    """Compare scores with observed shares, in tenths of [0, 1]; empty tenths are left out."""
    tenth = np.minimum((score * _BINS).astype(np.intp), _BINS - 1)
    bins = []
    for index in np.unique(tenth):
        inside = tenth == index
        hits, count = int(correct[inside].sum()), int(inside.sum())
        interval = proportion_interval(hits, count) or (0.0, 1.0)
        bins.append(Bin(float(score[inside].mean()), hits / count, interval, count))
    return bins


def calibration_error(bins: list[Bin]) -> float | None:
    """Expected calibration error: distance of score and share, averaged over images.

    M. Naeini, G. Cooper and M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", 2015.
    """
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.score - b.share) for b in bins) / total if total else None
