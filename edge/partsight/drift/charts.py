"""Control charts: whether a process is still what it was. Pure.

A value of a chart stands for a subgroup of n parts. A rule is broken

- by a value beyond the limits: rule 1 of Western Electric (1956) and of Nelson, "The Shewhart
  control chart - tests for special causes", Journal of Quality Technology 16(4), 1984;
- by nine values in a row on one side of the centre: Nelson's rule 2.

More rules find smaller shifts and raise more false alarms (Champ and Woodall, Technometrics
29(4), 1987), and an alarm that comes for nothing is soon heard by nobody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from partsight.model.reference import Spread

__all__ = ["RUN", "Chart", "acceptance_chart", "broken_rule", "p_chart"]

# So many values on one side of the centre are a run.
RUN = 9
# Of a normal process this share lies beyond three standard deviations on one side.
_TAIL = 0.00135
_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class Chart:
    """Where the values of a process in control lie.

    Attributes:
        low: no value is less.
        high: no value is more.
        centre: above it and below it lie half of them each, at most; None where runs tell nothing.
    """

    low: float
    high: float
    centre: float | None


def p_chart(rate: float, parts: int) -> Chart:
    """The chart of a share, such as that of rejects, in subgroups of ``parts``.

    The limits are p +- 3 sqrt(p (1 - p) / n) (Montgomery, Introduction to Statistical Quality
    Control, section 7.2). Where few rejects are expected that is no approximation of the binomial
    distribution: of p = 1 % and n = 50 it would be broken by 1 subgroup in 70. There the upper
    limit is the exact quantile, which is wider. The centre is the median, since above the mean
    and below it do not lie as many.

    Args:
        rate: the share p of a process in control, in [0, 1].
        parts: n, 1 or more.
    """
    half = _SIGMAS * math.sqrt(rate * (1 - rate) / parts)
    low, high = max(0.0, rate - half), min(1.0, rate + half)
    exact_high = _quantile(rate, parts, 1 - _TAIL) / parts
    exact_low = _quantile(rate, parts, _TAIL) / parts
    return Chart(min(low, exact_low), max(high, exact_high), _quantile(rate, parts, 0.5) / parts)


def acceptance_chart(spread: Spread, parts: int, tolerated_shift: float) -> Chart:
    """The chart of a mean that may move a little: an acceptance control chart (ISO 7870-3).

    The limits are mean +- (d + 3 / sqrt(n)) std. Training pictures come from many days and a
    line's from one, so that its mean is never quite that of training; with d = 0, the limits of
    Shewhart, a large n would find that each time. A run tells nothing then.

    Args:
        spread: of single parts of a process in control.
        parts: n, 1 or more.
        tolerated_shift: d, by how many standard deviations the mean may move.
    """
    half = (tolerated_shift + _SIGMAS / math.sqrt(parts)) * spread.std
    return Chart(spread.mean - half, spread.mean + half, None)


def broken_rule(chart: Chart, values: Sequence[float]) -> str | None:
    """The rule that the last value breaks, in words; None where it breaks none.

    Args:
        chart: of the process.
        values: the latest last, ``RUN`` of them where there are as many.
    """
    last = values[-1]
    if last > chart.high:
        return f"{last:.4g}, at most {chart.high:.4g} expected"
    if last < chart.low:
        return f"{last:.4g}, at least {chart.low:.4g} expected"
    if chart.centre is None or len(values) < RUN:
        return None
    for side, word in ((1, "above"), (-1, "below")):
        if all(side * (value - chart.centre) > 0 for value in values[-RUN:]):
            return f"{last:.4g}, and {RUN} in a row {word} {chart.centre:.4g}"
    return None


def _quantile(rate: float, parts: int, share: float) -> int:
    """The least k that at least ``share`` of binomial counts are at or below."""
    if rate in (0.0, 1.0):
        return round(rate * parts)
    total = 0.0
    for count in range(parts):
        total += math.exp(
            math.lgamma(parts + 1)
            - math.lgamma(count + 1)
            - math.lgamma(parts - count + 1)
            + count * math.log(rate)
            + (parts - count) * math.log1p(-rate)
        )
        if total >= share:
            return count
    return parts
