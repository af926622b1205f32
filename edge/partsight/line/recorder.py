"""Records an inspection: first in the journal, then in images, counters and observers.

Slow or unreachable sinks are not called here: each reads the journal in a thread of its own
(``sinks.delivery_worker``).
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from partsight.errors import OutputError
from partsight.line.inspector import Inspection
from partsight.results.base import Sink
from partsight.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from partsight.image_store import ImageStore, SavePlan
    from partsight.journal import Journal

__all__ = ["Recorder"]

logger = logging.getLogger(__name__)


class Recorder:
    """Records inspections one by one.

    Args:
        telemetry: counts them.
        journal: stores them durably; None without a journal.
        sinks: written in this thread; the standard output of a line without a journal.
        pictures: saves frames; None saves none.
        observers: called last: alarms, drift, the shadow model.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        *,
        journal: Journal | None = None,
        sinks: Sequence[Sink] = (),
        pictures: ImageStore | None = None,
        observers: Sequence[Callable[[Inspection], None]] = (),
    ) -> None:
        self._telemetry, self._journal, self._sinks = telemetry, journal, sinks
        self._pictures, self._observers = pictures, observers

    def __call__(self, inspection: Inspection) -> None:
        """Record one inspection. A verdict that is not written to the journal is not announced."""
        plan = self._plan(inspection)
        if plan is not None:
            reason = "; ".join(filter(None, (inspection.result.reason, plan.note)))
            result = dataclasses.replace(inspection.result, image_path=plan.path, reason=reason)
            inspection = dataclasses.replace(inspection, result=result)
        row = inspection.result.row()
        if not self._journalled(row):
            return
        for sink in self._sinks:
            sink.write(row)
        self._count(inspection)
        if plan is not None and plan.path and self._pictures and inspection.frame:
            self._pictures.keep(plan, inspection.frame, inspection.result, inspection.spec)
        for observe in self._observers:
            observe(inspection)

    def _plan(self, inspection: Inspection) -> SavePlan | None:
        if self._pictures is None or inspection.frame is None:
            return None
        result, fault = inspection.result, inspection.fault is not None
        return self._pictures.plan(result.id, result.verdict, result.captured_at, fault=fault)

    def _journalled(self, row: dict[str, object]) -> bool:
        if self._journal is None:
            return True
        try:
            self._journal.append(row)
        except OutputError as error:
            # The state of the journal reports the error; this names the part.
            logger.debug("%s not written to the journal, so not announced: %s", row["id"], error)
            self._telemetry.count("unrecorded")
            return False
        return True

    def _count(self, inspection: Inspection) -> None:
        result = inspection.result
        self._telemetry.count("verdicts", result.verdict.value)
        if inspection.fault:
            self._telemetry.count("faults", inspection.fault)
        for stage, ms in {**result.stages_ms, "verdict": result.latency_ms}.items():
            self._telemetry.time("latency", ms / 1000, stage)
