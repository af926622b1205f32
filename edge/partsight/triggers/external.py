"""Triggers from outside: a broker, a web client, a PLC, a terminal.

A listener is a context manager that puts trigger events into a ``TriggerQueue`` while it is open,
in a thread of its own. The trigger takes them in order and finds the frame of each. A listener
reports the state ``listening`` when triggers can come, catches its errors, and closes the queue
when its input ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType

from partsight.errors import SourceError
from partsight.records import Fault, Frame, TriggerEvent
from partsight.sources.frames import Frames, NoMoreFrames
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.base import IDLE_S
from partsight.triggers.trigger_queue import QueuedEvent, TriggerQueue
from partsight.triggers.wait import Waiter
from partsight.utils.wall_clock import utc_now

__all__ = ["ExternalTrigger"]


class ExternalTrigger:
    """A ``Trigger`` for the events of a listener. Each event gets a frame or a fault.

    Args:
        listener: opened and closed with the trigger.
        trigger_queue: gets the events of the listener.
        telemetry: knows the state ``source``.
        frame_timeout_s: seconds after an event within which its frame must come.
        clock: seconds of ``time.monotonic``, the same clock as the queue's.
        now: wall-clock time, for faults.
    """

    def __init__(
        self,
        listener: AbstractContextManager[object],
        trigger_queue: TriggerQueue,
        telemetry: Telemetry,
        frame_timeout_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._listener, self._trigger_queue, self._telemetry = listener, trigger_queue, telemetry
        self._timeout_s, self._clock, self._now = frame_timeout_s, clock, now

    def __enter__(self) -> ExternalTrigger:
        self._listener.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.__exit__(kind, error, trace)

    def trigger_events(self, frames: Frames) -> Iterator[tuple[TriggerEvent, Frame | Fault] | None]:
        """See ``Trigger``. Also ends when the listener has closed the queue."""
        waiter = Waiter(frames, self._timeout_s, self._telemetry, self._clock, self._now)
        while not self._trigger_queue.ended:
            taken = self._trigger_queue.take(IDLE_S)
            if taken is None:
                yield None
            elif taken.overflowed:
                reason = (
                    f"more than {self._trigger_queue.capacity} triggers waited: too fast to inspect"
                )
                yield taken.trigger_event, waiter.fault(taken.trigger_event, reason)
            else:
                try:
                    yield from waiter.first_after(taken.trigger_event)
                except (NoMoreFrames, SourceError) as end:
                    yield from self._without_frames(taken, waiter, str(end))
                    if isinstance(end, SourceError):
                        raise
                    return

    def _without_frames(
        self, taken: QueuedEvent | None, waiter: Waiter, why: str
    ) -> Iterator[tuple[TriggerEvent, Fault]]:
        """Yield a fault for every event that still waits when the source ends."""
        while taken is not None:
            reason = f"no frame after the trigger: {why or 'the source has ended'}"
            yield taken.trigger_event, waiter.fault(taken.trigger_event, reason)
            taken = self._trigger_queue.take(0.0)
