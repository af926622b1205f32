"""Bootstrap intervals of metrics, by resampling the scored images. Pure NumPy.

With few mistakes they are too narrow, and without a mistake they have no width: the intervals to
rely on are in ``intervals``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from partsight.evaluation.intervals import CONFIDENCE, Interval

__all__ = ["RESAMPLES", "auc_of", "bootstrap_intervals", "share_of"]

RESAMPLES = 2000
# Numbers in memory at a time.
_CHUNK = 250_000

Weights = NDArray[np.float32]
Statistic = Callable[[Weights], NDArray[np.float64]]


def bootstrap_intervals(
    strata: NDArray[np.intp], statistics: Mapping[str, Statistic], seed: int = 0
) -> dict[str, Interval]:
    """95 % percentile intervals of several metrics, all from the same 2,000 resamples.

    Images are drawn within each label, so that every resample has the label counts of the set, as
    a test split takes a fixed share of each label (B. Efron and R. Tibshirani, "An Introduction to
    the Bootstrap", 1993, chapters 8 and 13).

    Args:
        strata: int (N,), label index of each image.
        statistics: functions from ``share_of`` and ``auc_of``.
        seed: of the random numbers; equal seeds give equal intervals.

    Returns:
        Lower and upper bound of each metric.
    """
    drawn = [
        np.stack([measure(weights) for measure in statistics.values()], axis=1)
        for weights in _resamples(strata, seed)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail], axis=0)
    return {name: (float(low[i]), float(high[i])) for i, name in enumerate(statistics)}


def share_of(flags: NDArray[np.bool_], among: NDArray[np.bool_]) -> Statistic:
    """Statistic: the share of ``flags``, bool (N,), within ``among``, bool (N,), not empty."""
    both, all_of = (flags & among).astype(np.float32), among.astype(np.float32)
    return lambda weights: np.divide(weights @ both, weights @ all_of, dtype=np.float64)


def auc_of(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Statistic:
    """Statistic: the area under the ROC curve, see ``metrics.auc``; both classes are present."""
    order = np.argsort(score, kind="stable")
    # Start of each distinct score in that order: images with equal scores are counted together.
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
    """How often each image is drawn: blocks of float32 (n, N), ``RESAMPLES`` rows in total."""
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
