"""Charts of a line in control, from the model's reference or from the line's first parts."""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping
from dataclasses import dataclass

from partsight.drift.charts import Chart, acceptance_chart, p_chart
from partsight.model.reference import Reference, Spread

__all__ = ["DriftSettings", "Learner", "charts_of"]

# Smallest standard deviations: one step of an int8 score, one grey level.
_LEAST_STD = {"accept-score": 1 / 256, "luma": 1.0, "contrast": 1.0}
# A line that rejects a larger share of its parts is probably not in control.
_PLAUSIBLE_REJECTS = 0.2


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """How closely drift is watched; the section ``[drift]`` of the configuration.

    Attributes:
        subgroup: parts to a value of a chart.
        expected_reject_rate: the share of bad parts that the line makes and the model rejects.
        tolerated_shift: by how many standard deviations a mean may move, see ``acceptance_chart``.
        learn_parts: of how many parts a reference is learned where the model carries none.
        clear_after: subgroups in control that clear an alarm.
        learn_max_reject_rate: a line that rejects a larger share is not learned from; None is
            0.2, or twice ``expected_reject_rate`` where that is more.
    """

    subgroup: int = 50
    expected_reject_rate: float = 0.01
    tolerated_shift: float = 0.5
    learn_parts: int = 500
    clear_after: int = 3
    learn_max_reject_rate: float | None = None

    @property
    def most_rejected(self) -> float:
        """The largest share of rejected parts that a line may have to be learned from, [0, 1]."""
        if self.learn_max_reject_rate is not None:
            return self.learn_max_reject_rate
        return min(1.0, max(_PLAUSIBLE_REJECTS, 2 * self.expected_reject_rate))


def charts_of(reference: Reference, settings: DriftSettings) -> dict[str, Chart]:
    """Return the charts for a line that makes parts like the reference, and some bad ones.

    Good parts are rejected at the reference's reject rate.
    """
    bad = settings.expected_reject_rate
    spreads = {
        "accept-score": reference.accept_score,
        "luma": reference.luma,
        "contrast": reference.contrast,
    }
    return _charts(bad + (1 - bad) * reference.reject_rate, spreads, settings)


def _charts(
    reject_rate: float, spreads: Mapping[str, Spread], settings: DriftSettings
) -> dict[str, Chart]:
    charts = {"reject-rate": p_chart(reject_rate, settings.subgroup)}
    for name, least in _LEAST_STD.items():
        spread = spreads.get(name, None)
        if spread is not None:
            spread = Spread(spread.mean, max(spread.std, least))
            charts[name] = acceptance_chart(spread, settings.subgroup, settings.tolerated_shift)
    return charts


class Learner:
    """Phase I of control charts: statistics of the first parts of a line in control.

    Attributes:
        parts: number of parts so far.
    """

    def __init__(self) -> None:
        self.parts = 0
        self._seen: collections.defaultdict[str, _Running] = collections.defaultdict(_Running)

    def add(self, values: Mapping[str, float]) -> None:
        """Add a part's values by chart."""
        self.parts += 1
        for name, value in values.items():
            self._seen[name].add(value)

    def charts(self, settings: DriftSettings) -> dict[str, Chart]:
        """Return the charts for a line with these statistics. The expected reject rate is at least
        the configured one, since a few hundred parts may have no reject by chance.
        """
        rate = max(self._seen["reject-rate"].mean, settings.expected_reject_rate)
        spreads = {name: seen.spread() for name, seen in self._seen.items() if seen.count > 1}
        return _charts(rate, spreads, settings)


@dataclass(slots=True)
class _Running:
    """Running mean and standard deviation (Welford, Technometrics 4(3), 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)

    def spread(self) -> Spread:
        return Spread(self.mean, math.sqrt(self.squares / (self.count - 1)))
