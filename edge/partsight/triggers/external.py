"""Occasions that come from outside: a broker, a web client, a PLC, a terminal.

A listener is a context manager that puts occasions into an ``Inbox`` while it is open, in a
thread of its own. The trigger takes them in their order, and looks for each one's frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType

from partsight.errors import SourceError
from partsight.records import Fault, Frame, Occasion
from partsight.sources.frames import Frames, NoMoreFrames
from partsight.telemetry.telemetry import Vitals
from partsight.triggers.base import IDLE_S
from partsight.triggers.trigger_queue import Inbox, Taken
from partsight.triggers.wait import Waiter
from partsight.utils.wall_clock import utc_now

__all__ = ["ExternalTrigger"]


class ExternalTrigger:
    """A ``Trigger`` of what a listener hears. Each occasion gets an outcome, whatever happens.

    Args:
        listener: opened and closed with the trigger.
        inbox: where it puts occasions.
        vitals: knows what state the source is in.
        frame_timeout_s: seconds from an occasion in which its frame must come.
        clock: seconds of ``time.monotonic``, the same that the inbox has.
        now: the time, for faults.
    """

    def __init__(
        self,
        listener: AbstractContextManager[object],
        inbox: Inbox,
        vitals: Vitals,
        frame_timeout_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._listener, self._inbox, self._vitals = listener, inbox, vitals
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

    def occasions(self, frames: Frames) -> Iterator[tuple[Occasion, Frame | Fault] | None]:
        """See ``Trigger``. Ends also where the listener says that no more will come."""
        waiter = Waiter(frames, self._timeout_s, self._vitals, self._clock, self._now)
        while not self._inbox.ended:
            taken = self._inbox.take(IDLE_S)
            if taken is None:
                yield None
            elif taken.overflowed:
                reason = f"more than {self._inbox.capacity} triggers waited: too fast to judge"
                yield taken.occasion, waiter.fault(taken.occasion, reason)
            else:
                try:
                    yield from waiter.first_after(taken.occasion)
                except (NoMoreFrames, SourceError) as end:
                    yield from self._without_frames(taken, waiter, str(end))
                    if isinstance(end, SourceError):
                        raise
                    return

    def _without_frames(
        self, taken: Taken | None, waiter: Waiter, why: str
    ) -> Iterator[tuple[Occasion, Fault]]:
        """The outcome of all that wait when the source ends."""
        while taken is not None:
            reason = f"no frame after the trigger: {why or 'the source has ended'}"
            yield taken.occasion, waiter.fault(taken.occasion, reason)
            taken = self._inbox.take(0.0)
