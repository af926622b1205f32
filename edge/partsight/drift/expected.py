"""Control charts of a line in order: from the model's reference, else from its first parts."""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping
from dataclasses import dataclass

from partsight.config.drift import DriftConfig
from partsight.drift.charts import Chart, acceptance_chart, p_chart
from partsight.model.reference import Reference, Spread

__all__ = ["Learner", "charts_of"]

# Smallest standard deviations that matter: a step of an int8 score, and one grey level.
_LEAST_STD = {"accept-score": 1 / 256, "luma": 1.0, "contrast": 1.0}


def charts_of(reference: Reference, settings: DriftConfig) -> dict[str, Chart]:
    """Return the charts of a line that makes parts like those of the reference, and bad parts.

    The reference's share of the good parts is falsely rejected.
    """
    bad = settings.expected_reject_rate
    spreads = {
        "accept-score": reference.accept_score,
        "luma": reference.luma,
        "contrast": reference.contrast,
    }
    return _charts(bad + (1 - bad) * reference.reject_rate, spreads, settings)


def _charts(
    reject_rate: float, spreads: Mapping[str, Spread], settings: DriftConfig
) -> dict[str, Chart]:
    charts = {"reject-rate": p_chart(reject_rate, settings.subgroup)}
    for name, least in _LEAST_STD.items():
        spread = spreads.get(name, None)
        if spread is not None:
            spread = Spread(spread.mean, max(spread.std, least))
            charts[name] = acceptance_chart(spread, settings.subgroup, settings.tolerated_shift)
    return charts


class Learner:
    """Phase I of control charts: the first parts of a line, which is assumed to be in order.

    Attributes:
        parts: number of parts seen.
    """

    def __init__(self) -> None:
        self.parts = 0
        self._seen: collections.defaultdict[str, _Running] = collections.defaultdict(_Running)

    def add(self, values: Mapping[str, float]) -> None:
        """Add a part, given as a mapping from chart to value."""
        self.parts += 1
        for name, value in values.items():
            self._seen[name].add(value)

    def charts(self, settings: DriftConfig) -> dict[str, Chart]:
        """Return the charts of a line that continues like these parts.

        At least the configured share of rejects is expected, as a few hundred parts may have none
        by chance.
        """
        rate = max(self._seen["reject-rate"].mean, settings.expected_reject_rate)
        spreads = {name: seen.spread() for name, seen in self._seen.items() if seen.count > 1}
        return _charts(rate, spreads, settings)


@dataclass(slots=True)
class _Running:
    """Running mean and spread of values (Welford, Technometrics 4(3), 1962)."""

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
