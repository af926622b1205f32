"""Learning a drift reference from the line itself, where the model carries none.

Phase I of a control chart takes the first parts for a line in order. A line that rejects most of
its parts is not in order, so what it shows is not learned: learning starts again until a whole
stretch of ``learn_parts`` parts is plausible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from partsight.config.drift import DriftConfig
from partsight.drift.charts import Chart, p_chart
from partsight.drift.expected import Learner
from partsight.records import Verdict

__all__ = ["Learning"]

# A line that accepts fewer than this share of its parts is no reference either: with a model
# whose good labels are unknown, for instance, every part is review.
_LEAST_ACCEPTED = 0.5


@dataclass(slots=True)
class _Tally:
    """How many parts got which verdict."""

    parts: int = 0
    rejected: int = 0
    accepted: int = 0

    def add(self, verdict: Verdict) -> None:
        self.parts += 1
        self.rejected += verdict is Verdict.REJECT
        self.accepted += verdict is Verdict.ACCEPT


class Learning:
    """Learns charts from plausible parts only. For one thread.

    Each subgroup is checked against the limits of a p chart, so that a bad start is not mixed into
    the reference; the whole is checked against the shares themselves.

    Attributes:
        parts: how many parts are learned from so far.
        refusal: why the last parts were not learned from; empty while parts are plausible. It
            stays until one subgroup is plausible again.
    """

    def __init__(self, settings: DriftConfig) -> None:
        self._settings = settings
        self._block = min(settings.subgroup, settings.learn_parts)
        self.refusal = ""
        self._learner = Learner()
        self._all, self._last = _Tally(), _Tally()

    @property
    def parts(self) -> int:
        """How many parts are learned from so far."""
        return self._all.parts

    def add(self, verdict: Verdict, values: Mapping[str, float]) -> dict[str, Chart] | None:
        """Learn from a part.

        Args:
            verdict: the model's.
            values: chart to value.

        Returns:
            The charts once ``learn_parts`` plausible parts were seen, else None.
        """
        self._learner.add(values)
        self._all.add(verdict)
        self._last.add(verdict)
        most = self._settings.most_rejected
        if self._last.parts == self._block:
            high = p_chart(most, self._block).high
            low = p_chart(_LEAST_ACCEPTED, self._block).low
            self.refusal = _refusal(self._last, high, low)
            self._last = _Tally()
            if self.refusal:
                self._restart()
                return None
        if self._all.parts < self._settings.learn_parts:
            return None
        self.refusal = _refusal(self._all, most, _LEAST_ACCEPTED)
        charts = None if self.refusal else self._learner.charts(self._settings)
        self._restart()
        return charts

    def _restart(self) -> None:
        self._learner = Learner()
        self._all, self._last = _Tally(), _Tally()


def _refusal(tally: _Tally, most_rejected: float, least_accepted: float) -> str:
    """Why a stretch of parts is no reference, in words; empty where it is plausible."""
    checks = (
        ("rejected", tally.rejected, "at most", most_rejected),
        ("accepted", tally.accepted, "at least", least_accepted),
    )
    for word, count, bound, share in checks:
        broken = count > share * tally.parts if bound == "at most" else count < share * tally.parts
        if broken:
            return f"{count} of {tally.parts} parts were {word}, {bound} {share:.0%} expected"
    return ""
