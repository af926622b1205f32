"""Inspects a frame at regular intervals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime

from partsight.records import Fault, Frame, TriggerEvent
from partsight.sources.frames import Frames, NoMoreFrames
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.base import IDLE_S
from partsight.triggers.wait import Waiter
from partsight.utils.wall_clock import utc_now

__all__ = ["IntervalTrigger"]

# A time missed by less than this share of a period is still used: clocks are read slightly late.
_STILL_DUE = 0.1


class IntervalTrigger(nullcontext["IntervalTrigger"]):
    """A ``Trigger`` at the start and after each period. It does not drift: event n comes n periods
    after the first, however long inspections take. Events missed meanwhile are left out.

    Args:
        period_s: seconds between two events.
        telemetry: knows the state ``source``.
        frame_timeout_s: seconds after an event within which its frame must come.
        clock: seconds of ``time.monotonic``.
        sleep: waits a number of seconds.
        now: wall-clock time, for faults.
    """

    def __init__(
        self,
        period_s: float,
        telemetry: Telemetry,
        frame_timeout_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(self)
        self._period_s, self._telemetry, self._timeout_s = period_s, telemetry, frame_timeout_s
        self._clock, self._sleep, self._now = clock, sleep, now

    def trigger_events(self, frames: Frames) -> Iterator[tuple[TriggerEvent, Frame | Fault] | None]:
        """See ``Trigger``."""
        waiter = Waiter(frames, self._timeout_s, self._telemetry, self._clock, self._now)
        start_s = self._clock()
        count = 0
        while True:
            due_s = start_s + count * self._period_s
            while (left_s := due_s - self._clock()) > 0:
                self._sleep(min(left_s, IDLE_S))
                if left_s > IDLE_S:
                    yield None
            try:
                yield from waiter.first_after(TriggerEvent("interval", due_s))
            except NoMoreFrames:
                return
            passed = (self._clock() - start_s) / self._period_s
            count = max(count + 1, math.ceil(passed - _STILL_DUE))
