"""The drift watch raises alarms if parts, pictures or scores differ from those of training.

Called after each verdict; parts with a fault are left out. There are four charts, each over its
own subgroups:

- ``reject-rate``: share of parts that the model rejects;
- ``accept-score``: mean deciding score of the other parts. Rejects are left out, since their
  scores near 0 would dominate the mean;
- ``luma`` and ``contrast``: means of the input pictures of the network.
"""

from __future__ import annotations

import collections
import logging
from collections.abc import Mapping

from partsight.config.drift import DriftConfig
from partsight.drift.charts import RUN, Chart, broken_rule
from partsight.drift.expected import charts_of
from partsight.drift.learning import Learning
from partsight.image.statistics import ImageStatistics
from partsight.model.reference import Reference
from partsight.records import Verdict
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.counts import counted

__all__ = ["DriftWatch"]

logger = logging.getLogger(__name__)

_COMPONENT = "drift"


class DriftWatch:
    """Watches one model. For one thread.

    Without a reference, one is learned from the first ``learn_parts`` plausible parts, see
    ``learning``. It is kept in memory only: a restarted line learns again.

    The state ``drift`` is ``watching``, ``learning`` (its detail counts the parts), or
    ``without reference`` if the last parts were not plausible.

    Args:
        reference: of the model's contract.
        settings: of the drift watch.
        telemetry: gets ``alarms``, the state ``drift``, and a state per alarm once it was raised.
    """

    def __init__(
        self, reference: Reference | None, settings: DriftConfig, telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._learning: Learning | None = None
        self._watched: dict[str, _Watched] = {}
        self.restart(reference)

    def restart(self, reference: Reference | None) -> None:
        """Watch another model from here on; alarms of the previous one are cleared."""
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
        self._report_learning(self._learning)

    @property
    def note(self) -> str:
        """Note for the operator about a model without a reference; empty if it has one."""
        if self._learning is None:
            return ""
        return (
            "the model has no drift reference (too few good pictures at training, an earlier "
            "partsight, or another tool): one is learned from the first "
            f"{self._settings.learn_parts} parts, again after each start. Until then only the "
            "alarms of [alarms] are active"
        )

    def see(self, verdict: Verdict, accept_score: float, picture: ImageStatistics | None) -> None:
        """Count an inspected part.

        Args:
            verdict: of the model, before any other rule of the line.
            accept_score: the deciding score, see ``decide.accept_score``.
            picture: statistics of the network's input; None if it was not measured.
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
            if name in self._watched:  # missing if learning had too few values
                self._watched[name].add(value)

    def _learn(self, learning: Learning, verdict: Verdict, values: Mapping[str, float]) -> None:
        charts = learning.add(verdict, values)
        if charts is None:
            self._report_learning(learning)
            return
        self._learning = None
        self._telemetry.set("drift_learned", self._settings.learn_parts)
        against = f"against {self._settings.learn_parts} parts learned since the start"
        self._watch(charts, against)
        logger.warning("drift is watched from now on, %s", against)

    def _report_learning(self, learning: Learning) -> None:
        self._telemetry.set("drift_learned", learning.parts)
        count = f"learning {learning.parts} of {self._settings.learn_parts} parts"
        if learning.refusal:
            why = f"the first parts cannot be the reference: {learning.refusal}"
            self._telemetry.state(_COMPONENT, "without reference", f"{why}; {count}")
        else:
            self._telemetry.state(_COMPONENT, "learning", count)

    def _watch(self, charts: Mapping[str, Chart], against: str) -> None:
        settings, telemetry = self._settings, self._telemetry
        self._watched = {
            name: _Watched(name, chart, settings, telemetry) for name, chart in charts.items()
        }
        telemetry.state(_COMPONENT, "watching", against)


class _Watched:
    """A chart with its last values and its alarm."""

    def __init__(
        self, name: str, chart: Chart, settings: DriftConfig, telemetry: Telemetry
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
        """Clear the alarm, if it is raised."""
        if self._raised:
            self._raised = False
            self._telemetry.set("alarms", 0, self._name)
            self._telemetry.state(f"alarm {self._name}", "clear")

    def _raise(self, why: str) -> None:
        self._raised = True
        self._telemetry.set("alarms", 1, self._name)
        self._telemetry.state(
            f"alarm {self._name}", "raised", f"mean of {counted(self._size, 'part')} {why}"
        )
