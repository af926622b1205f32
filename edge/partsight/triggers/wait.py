"""Finds the first frame after a trigger event, or the reason why it has none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from partsight.records import Fault, Frame, TriggerEvent
from partsight.sources.frames import Frames
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.base import IDLE_S
from partsight.utils.wall_clock import utc_now

__all__ = ["Waiter"]


class Waiter:
    """Finds the frames of a trigger's events.

    Args:
        frames: of the source.
        timeout_s: seconds after an event within which its frame must come; a later frame may show
            another part.
        telemetry: knows the state ``source``.
        clock: seconds of ``time.monotonic``.
        now: wall-clock time, for faults.
    """

    def __init__(
        self,
        frames: Frames,
        timeout_s: float,
        telemetry: Telemetry,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._frames, self._timeout_s, self._telemetry = frames, timeout_s, telemetry
        self._clock, self._now = clock, now
        self._source, self._index = "unknown", -1

    def first_after(
        self, trigger_event: TriggerEvent
    ) -> Iterator[tuple[TriggerEvent, Frame | Fault] | None]:
        """Yield the event with its frame or fault; before that, None at least every ``IDLE_S``.

        Raises:
            NoMoreFrames: the source ended before a frame came.
            SourceError: the source failed before a frame came.
        """
        deadline_s = trigger_event.monotonic_s + self._timeout_s
        while True:
            left_s = deadline_s - self._clock()
            event = self._frames.after(trigger_event.monotonic_s, max(0.0, min(left_s, IDLE_S)))
            if event is not None:
                yield trigger_event, self._in_time(trigger_event, event)
                return
            if self._clock() >= deadline_s:
                yield trigger_event, self.fault(trigger_event, self._none_came())
                return
            yield None

    def fault(self, trigger_event: TriggerEvent, reason: str) -> Fault:
        """Return a fault for an event without a frame, with the event's time."""
        at = self._now() - timedelta(seconds=self._clock() - trigger_event.monotonic_s)
        return Fault(reason, at, self._source, self._index + 1)

    def _in_time(self, trigger_event: TriggerEvent, event: Frame | Fault) -> Frame | Fault:
        self._source, self._index = event.source, event.index
        if isinstance(event, Fault):
            return event
        late_s = event.monotonic_s - trigger_event.monotonic_s
        if late_s <= self._timeout_s:
            return event
        return self.fault(
            trigger_event,
            f"the first frame came {late_s:.1f} s after the trigger, expected {self._timeout_s:g} "
            "s at most: it may show another part",
        )

    def _none_came(self) -> str:
        state = self._telemetry.states().get("source")
        name = state.name if state is not None else "unknown"
        return f"no frame within {self._timeout_s:g} s of the trigger: source is {name}"
