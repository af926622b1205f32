"""Queue of trigger events between a listener's thread and the line's."""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from partsight.records import TriggerEvent

__all__ = ["TriggerQueue", "QueuedEvent"]

logger = logging.getLogger(__name__)

# Events beyond the capacity get the fail-safe verdict; beyond this limit they are refused.
_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """A trigger event, and whether too many follow it to inspect it in time."""

    trigger_event: TriggerEvent
    overflowed: bool


class TriggerQueue:
    """Waiting trigger events. Thread-safe.

    Args:
        trigger: kind of trigger, for the events.
        capacity: number of events that may wait and still be inspected.
        clock: seconds of ``time.monotonic``.
    """

    def __init__(
        self, trigger: str, capacity: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.capacity, self._trigger, self._clock = capacity, trigger, clock
        self._waiting: collections.deque[TriggerEvent] = collections.deque()
        self._changed = threading.Condition()
        self._count = 0
        self._closed = self._refused = False

    def put(self, part_id: str | None, monotonic_s: float | None = None) -> int | None:
        """Add an event that happened now or at a given time. Does not block.

        Returns:
            The event's number, from 1; None if it is refused since the queue is full.
        """
        with self._changed:
            if len(self._waiting) >= _LIMIT:
                if not self._refused:  # log only the first of a flood
                    logger.error("triggers are refused: %d are waiting", _LIMIT)
                self._refused = True
                return None
            self._refused = False
            moment = self._clock() if monotonic_s is None else monotonic_s
            self._waiting.append(TriggerEvent(self._trigger, moment, part_id))
            self._count += 1
            self._changed.notify()
            return self._count

    def close(self) -> None:
        """Note that no more events will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, timeout_s: float) -> QueuedEvent | None:
        """Remove and return the oldest event; None if none comes within ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
            if not self._waiting:
                return None
            trigger_event = self._waiting.popleft()
            return QueuedEvent(trigger_event, len(self._waiting) >= self.capacity)

    @property
    def ended(self) -> bool:
        """Whether the queue is closed and empty."""
        with self._changed:
            return self._closed and not self._waiting
