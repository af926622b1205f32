"""Control charts, which detect that a process has changed. Pure.

A value of a chart is computed from a subgroup of n parts. A rule is broken

- by a value beyond the limits: rule 1 of Western Electric (1956) and of Nelson, "The Shewhart
  control chart - tests for special causes", Journal of Quality Technology 16(4), 1984;
- by nine values in a row on one side of the centre: Nelson's rule 2.

More rules detect smaller shifts but raise more false alarms (Champ and Woodall, Technometrics
29(4), 1987), which people soon ignore.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from partsight.model.reference import Spread

__all__ = ["RUN", "Chart", "acceptance_chart", "broken_rule", "p_chart"]

# Number of values in a row on one side of the centre that breaks rule 2.
RUN = 9
# Share of a normal distribution beyond three standard deviations on one side.
_TAIL = 0.00135
_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class Chart:
    """Limits for the values of a process in control.

    Attributes:
        low: lower limit.
        high: upper limit.
        centre: median, for the rule on runs; None if that rule does not apply.
    """

    low: float
    high: float
    centre: float | None


def p_chart(rate: float, parts: int) -> Chart:
    """Return the chart of a share, such as the reject rate, in subgroups of ``parts``.

    The limits are p +- 3 sqrt(p (1 - p) / n) (Montgomery, Introduction to Statistical Quality
    Control, section 7.2). For few expected rejects this is a poor approximation of the binomial
    distribution: with p = 1 % and n = 50, 1 subgroup in 70 would break it. The exact quantile is
    used where it is wider. The centre is the median, since the distribution is not symmetric.

    Args:
        rate: share p of a process in control, [0, 1].
        parts: n, 1 or more.
    """
    half = _SIGMAS * math.sqrt(rate * (1 - rate) / parts)
    low, high = max(0.0, rate - half), min(1.0, rate + half)
    exact_high = _quantile(rate, parts, 1 - _TAIL) / parts
    exact_low = _quantile(rate, parts, _TAIL) / parts
    return Chart(min(low, exact_low), max(high, exact_high), _quantile(rate, parts, 0.5) / parts)


def acceptance_chart(spread: Spread, parts: int, tolerated_shift: float) -> Chart:
    """Return the chart of a mean that may shift a little: an acceptance control chart (ISO 7870-3).

    The limits are mean +- (d + 3 / sqrt(n)) std. Training pictures come from many days and those of
    a line from one, so the means always differ slightly; with d = 0, Shewhart's limits, a large n
    would detect that each time. The rule on runs does not apply then.

    Args:
        spread: mean and standard deviation of single parts of a process in control.
        parts: n, 1 or more.
        tolerated_shift: d, the allowed shift of the mean in standard deviations.
    """
    half = (tolerated_shift + _SIGMAS / math.sqrt(parts)) * spread.std
    return Chart(spread.mean - half, spread.mean + half, None)


def broken_rule(chart: Chart, values: Sequence[float]) -> str | None:
    """Return a description of the rule that the last value breaks; None if it breaks none.

    Args:
        chart: of the process.
        values: the last values, at most ``RUN``, in order.
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
            return f"{last:.4g}, and the last {RUN} means are all {word} {chart.centre:.4g}"
    return None


def _quantile(rate: float, parts: int, share: float) -> int:
    """Return the smallest k such that at least ``share`` of binomial counts are at most k."""
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
