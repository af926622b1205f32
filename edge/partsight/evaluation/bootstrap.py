"""Resampling of scored pictures: how a figure scatters over sets like this one. Pure NumPy.

Enters: the pictures' labels and what is measured on them. Leaves: percentile intervals.
For few mistakes they are too narrow, and without any of no width: the intervals to rely on
are in ``intervals``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from partsight.evaluation.intervals import CONFIDENCE, Interval

__all__ = ["RESAMPLES", "auc_of", "bootstrap_intervals", "share_of"]

RESAMPLES = 2000
# Numbers that are held at a time.
_CHUNK = 250_000

Weights = NDArray[np.float32]
Statistic = Callable[[Weights], NDArray[np.float64]]


def bootstrap_intervals(
    strata: NDArray[np.intp], statistics: Mapping[str, Statistic], seed: int = 0
) -> dict[str, Interval]:
    """95 % percentile intervals of some figures, all from the same 2,000 resamples.

    Pictures are drawn within each label, as many as it has: a test split takes a fixed share
    of each label, and no resample lacks one (B. Efron and R. Tibshirani, "An Introduction to
    the Bootstrap", 1993, chapters 8 and 13).

    Args:
        strata: int (N,), index of each picture's label.
        statistics: functions, from ``share_of`` and ``auc_of``.
        seed: the same gives the same intervals.

    Returns:
        Low and high of each.
    """
    drawn = [
        np.stack([measure(weights) for measure in statistics.values()], axis=1)
        for weights in _resamples(strata, seed)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail], axis=0)
    return {name: (float(low[i]), float(high[i])) for i, name in enumerate(statistics)}


def share_of(flags: NDArray[np.bool_], among: NDArray[np.bool_]) -> Statistic:
    """The share of flagged pictures, bool (N,), among some, bool (N,), that have one or more."""
    both, all_of = (flags & among).astype(np.float32), among.astype(np.float32)
    return lambda weights: np.divide(weights @ both, weights @ all_of, dtype=np.float64)


def auc_of(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Statistic:
    """The area under the ROC curve, as ``metrics.auc`` has it, where both kinds are present."""
    order = np.argsort(score, kind="stable")
    # Where in that order a new score begins: pictures of one score are counted together.
    starts = np.unique(score[order], return_index=True)[1]
    kind = positive[order].astype(np.float32)

    def measure(weights: Weights) -> NDArray[np.float64]:
        ordered = weights[:, order]
        above = np.add.reduceat(ordered * kind, starts, axis=1).astype(np.float64)
        below = np.add.reduceat(ordered * (1 - kind), starts, axis=1).astype(np.float64)
        beaten = np.cumsum(below, axis=1) - below / 2
        pairs = above.sum(axis=1) * below.sum(axis=1)
        area: NDArray[np.float64] = (above * beaten).sum(axis=1) / pairs
        return area

    return measure


def _resamples(strata: NDArray[np.intp], seed: int) -> Iterator[Weights]:
    """How often each picture is drawn: float32 (some, N) at a time, ``RESAMPLES`` in all."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    size = len(strata)
    step = max(1, _CHUNK // size)
    for start in range(0, RESAMPLES, step):
        count = min(step, RESAMPLES - start)
        rows = np.arange(count)[:, np.newaxis] * size
        drawn = [m[generator.integers(0, len(m), (count, len(m)))] + rows for m in members]
        flat = np.concatenate([part.ravel() for part in drawn])
        yield np.bincount(flat, minlength=count * size).reshape(count, size).astype(np.float32)
