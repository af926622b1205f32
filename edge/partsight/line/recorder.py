"""From a result to everyone who shall know of it: durable first, then told.

Called by ``line`` for every part, and by nobody else. Sinks that may be slow or away are not
here: they are fed from the journal, each by a thread of its own (``sinks.feed``).
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from partsight.errors import OutputError
from partsight.line.inspector import Judged
from partsight.results.base import Sink
from partsight.telemetry.telemetry import Vitals

if TYPE_CHECKING:
    from partsight.image_store import PictureStore, Plan
    from partsight.journal import Journal

__all__ = ["Recorder"]

logger = logging.getLogger(__name__)


class Recorder:
    """Takes results one by one.

    Args:
        vitals: counts them.
        journal: makes them durable; None where nobody asked for it.
        sinks: told at once, in this thread: the standard output.
        pictures: keeps frames; None keeps none.
        observers: told last: drift, the shadow model.
    """

    def __init__(
        self,
        vitals: Vitals,
        *,
        journal: Journal | None = None,
        sinks: Sequence[Sink] = (),
        pictures: PictureStore | None = None,
        observers: Sequence[Callable[[Judged], None]] = (),
    ) -> None:
        self._vitals, self._journal, self._sinks = vitals, journal, sinks
        self._pictures, self._observers = pictures, observers

    def __call__(self, judged: Judged) -> None:
        """Record one result. One that cannot be made durable is announced to nobody."""
        plan = self._plan(judged)
        if plan is not None:
            reason = "; ".join(filter(None, (judged.result.reason, plan.note)))
            result = dataclasses.replace(judged.result, picture=plan.path, reason=reason)
            judged = dataclasses.replace(judged, result=result)
        row = judged.result.row()
        if not self._journalled(row):
            return
        for sink in self._sinks:
            sink.write(row)
        self._count(judged)
        if plan is not None and plan.path and self._pictures and judged.frame:
            self._pictures.keep(plan, judged.frame, judged.result, judged.spec)
        for observe in self._observers:
            observe(judged)

    def _plan(self, judged: Judged) -> Plan | None:
        if self._pictures is None or judged.frame is None:
            return None
        result, fault = judged.result, judged.fault is not None
        return self._pictures.plan(result.id, result.verdict, result.captured_at, fault=fault)

    def _journalled(self, row: dict[str, object]) -> bool:
        if self._journal is None:
            return True
        try:
            self._journal.append(row)
        except OutputError as error:
            # The journal has said so in the vitals too; this says which part it cost.
            logger.debug("nobody is told of %s: %s", row["id"], error)
            self._vitals.count("unrecorded")
            return False
        return True

    def _count(self, judged: Judged) -> None:
        result = judged.result
        self._vitals.count("verdicts", result.verdict.value)
        if judged.fault:
            self._vitals.count("faults", judged.fault)
        for stage, ms in {**result.stages_ms, "verdict": result.latency_ms}.items():
            self._vitals.time("latency", ms / 1000, stage)
