"""A value with its 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass

from partsight.evaluation.intervals import Interval, proportion_interval

__all__ = ["Estimate", "estimate", "share"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value, with the 95 % interval of the true value in the same unit."""

    value: float
    low: float
    high: float

    def scaled(self, factor: float) -> Estimate:
        """The value and its interval, multiplied by a factor."""
        return Estimate(factor * self.value, factor * self.low, factor * self.high)

    def complement(self) -> Estimate:
        """The share of the remaining images; only for a share in [0, 1]."""
        return Estimate(1 - self.value, 1 - self.high, 1 - self.low)


def estimate(value: float | None, interval: Interval | None) -> Estimate | None:
    """A value of ``metrics.json`` with its interval; None if it was not measured."""
    return None if value is None or interval is None else Estimate(value, *interval)


def share(hits: int, total: int) -> Estimate | None:
    """A share of images with its interval; None if there are no images."""
    return estimate(hits / total, proportion_interval(hits, total)) if total else None
