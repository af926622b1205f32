"""The numbers behind the charts: pure, from scores and true kinds."""

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
    """Pictures of like scores.

    Attributes:
        score: their mean score, in [0, 1].
        share: how many of them were what the score says, in [0, 1].
        interval: of ``share``, 95 %.
        count: how many they are, 1 or more.
    """

    score: float
    share: float
    interval: Interval
    count: int


def roc(kinds: Kinds) -> Curve:
    """Every barrier's false reject rate and recall of bad parts, from accepting all on.

    Returns:
        Both float (M,) in [0, 1], rising from (0, 0) to (1, 1). Both kinds must be present.
    """
    escaped, accepted = _accepted(kinds)
    return 1 - accepted / accepted[0], 1 - escaped / escaped[0]


def precision_recall(kinds: Kinds) -> Curve:
    """Every barrier's recall of bad parts, and the share of bad among the parts not accepted.

    Returns:
        Recall, float (M,), rising to 1, and precision; without the barrier that accepts
        all, which has no precision. Both kinds must be present.
    """
    escaped, accepted = _accepted(kinds)
    caught, rejected = (escaped[0] - escaped)[1:], (accepted[0] - accepted)[1:]
    return caught / escaped[0], caught / (caught + rejected)


def _accepted(kinds: Kinds) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How many bad and good parts score at or above each score, and above the highest."""
    levels, group = np.unique(kinds.score, return_inverse=True)
    size = len(levels) + 1
    at = (np.bincount(group[chosen], minlength=size) for chosen in (kinds.bad, ~kinds.bad))
    escaped, accepted = (np.cumsum(count[::-1])[::-1] for count in at)
    return escaped, accepted


def reliability(score: NDArray[np.float64], came_true: NDArray[np.bool_]) -> list[Bin]:
    """Compare scores with what came true, in tenths of [0, 1]; empty tenths are left out."""
    place = np.minimum((score * _BINS).astype(np.intp), _BINS - 1)
    bins = []
    for index in np.unique(place):
        inside = place == index
        hits, count = int(came_true[inside].sum()), int(inside.sum())
        interval = proportion_interval(hits, count) or (0.0, 1.0)
        bins.append(Bin(float(score[inside].mean()), hits / count, interval, count))
    return bins


def calibration_error(bins: list[Bin]) -> float | None:
    """Expected calibration error: the mean distance of score and share, a picture a vote.

    M. Naeini, G. Cooper and M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", 2015.
    """
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.score - b.share) for b in bins) / total if total else None
