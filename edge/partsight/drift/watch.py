"""The drift watch: whether parts, pictures and scores are still those that the model knows.

Enters: what the model said of each part, and two numbers of its picture. Leaves: named alarms in
the vitals, which metrics, sinks and journal tell of. Called by the loop, after each verdict; a
part that could not be judged is no matter of drift.

Four charts, each over subgroups of its own:

- ``reject-rate``: the share of parts that the model rejects;
- ``accept-score``: the mean deciding score of those that it does not. A reject counts in the
  chart above and would, with a score near 0, be all that is seen in this one;
- ``luma`` and ``contrast``: means of the pictures as the network is fed them.
"""

from __future__ import annotations

import collections
import logging
from collections.abc import Mapping

from partsight.drift.charts import RUN, Chart, broken_rule
from partsight.drift.expected import DriftSettings, charts_of
from partsight.drift.learning import Learning
from partsight.image.statistics import ImageStatistics
from partsight.model.reference import Reference
from partsight.records import Verdict
from partsight.telemetry.telemetry import Telemetry

__all__ = ["DriftWatch"]

logger = logging.getLogger(__name__)

# What the state is called.
_PART = "drift"


class DriftWatch:
    """Watches one model. For one thread.

    Without a reference the first ``learn_parts`` parts of a plausible line are one, see
    ``learning``. It is kept in memory only: a line that is started again learns again.

    The state ``drift`` is ``watching``, ``learning`` (its detail counts the parts), or
    ``without reference`` where the last parts were not plausible.

    Args:
        reference: of the model's contract.
        settings: how closely to watch.
        telemetry: gets ``alarms``, the state ``drift``, and a state per alarm once one was raised.
    """

    def __init__(
        self, reference: Reference | None, settings: DriftSettings, telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._learning: Learning | None = None
        self._watched: dict[str, _Watched] = {}
        self.restart(reference)

    def restart(self, reference: Reference | None) -> None:
        """Watch another model from here on; alarms of the old one are cleared."""
        for watched in self._watched.values():
            watched.close()
        self._watched = {}
        self._learning = None
        if reference is not None:
            self._telemetry.set("drift_learned", 0)
            against = f"against the model's reference of {reference.pictures} good parts"
            self._watch(charts_of(reference, self._settings), against)
            return
        self._learning = Learning(self._settings)
        self._say_learning(self._learning)

    @property
    def note(self) -> str:
        """What people must know of a model without a reference; empty where it has one."""
        if self._learning is None:
            return ""
        return (
            "the model has no drift reference (too few good pictures at training, an earlier "
            "partsight, or another tool): one is learned from the first "
            f"{self._settings.learn_parts} parts, anew after each start. Until then only the "
            "alarms of [alarms] act"
        )

    def see(self, verdict: Verdict, accept_score: float, picture: ImageStatistics | None) -> None:
        """Take note of a judged part.

        Args:
            verdict: the model's, before any other rule of the line.
            accept_score: the score that decides, see ``decide.accept_score``.
            picture: of what the network was fed; None where it was not measured.
        """
        values = {"reject-rate": float(verdict is Verdict.REJECT)}
        if verdict is not Verdict.REJECT:
            values["accept-score"] = accept_score
        if picture is not None:
            values["luma"], values["contrast"] = picture.luma, picture.contrast
        if self._learning is not None:
            self._learn(self._learning, verdict, values)
            return
        for name, value in values.items():
            if name in self._watched:  # learning may have seen too few of it
                self._watched[name].add(value)

    def _learn(self, learning: Learning, verdict: Verdict, values: Mapping[str, float]) -> None:
        charts = learning.add(verdict, values)
        if charts is None:
            self._say_learning(learning)
            return
        self._learning = None
        self._telemetry.set("drift_learned", self._settings.learn_parts)
        against = f"against {self._settings.learn_parts} parts learned since the start"
        self._watch(charts, against)
        logger.warning("drift is watched from here on, %s", against)

    def _say_learning(self, learning: Learning) -> None:
        self._telemetry.set("drift_learned", learning.parts)
        count = f"learning {learning.parts} of {self._settings.learn_parts} parts"
        if learning.refusal:
            why = f"no reference is learned from a line that is not in order: {learning.refusal}"
            self._telemetry.state(_PART, "without reference", f"{why}; {count}")
        else:
            self._telemetry.state(_PART, "learning", count)

    def _watch(self, charts: Mapping[str, Chart], against: str) -> None:
        settings, telemetry = self._settings, self._telemetry
        self._watched = {
            name: _Watched(name, chart, settings, telemetry) for name, chart in charts.items()
        }
        telemetry.state(_PART, "watching", against)


class _Watched:
    """A chart, its latest values, and its alarm."""

    def __init__(
        self, name: str, chart: Chart, settings: DriftSettings, telemetry: Telemetry
    ) -> None:
        self._name, self._chart, self._telemetry = name, chart, telemetry
        self._size, self._clear_after = settings.subgroup, settings.clear_after
        self._sum, self._count, self._calm = 0.0, 0, 0
        self._values: collections.deque[float] = collections.deque(maxlen=RUN)
        self._raised = False
        telemetry.set("alarms", 0, name)

    def add(self, value: float) -> None:
        self._sum += value
        self._count += 1
        if self._count < self._size:
            return
        mean = self._sum / self._count
        self._sum, self._count = 0.0, 0
        self._values.append(mean)
        self._telemetry.set("drift", mean, self._name)
        broken = broken_rule(self._chart, tuple(self._values))
        self._calm = 0 if broken else self._calm + 1
        if broken:
            self._raise(broken)
        elif self._calm >= self._clear_after:
            self.close()

    def close(self) -> None:
        """Clear the alarm, if there is one."""
        if self._raised:
            self._raised = False
            self._telemetry.set("alarms", 0, self._name)
            self._telemetry.state(f"alarm {self._name}", "clear")

    def _raise(self, why: str) -> None:
        self._raised = True
        self._telemetry.set("alarms", 1, self._name)
        self._telemetry.state(f"alarm {self._name}", "raised", f"mean of {self._size} parts {why}")
