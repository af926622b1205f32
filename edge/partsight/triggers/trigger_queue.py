"""Where a listener's thread leaves occasions, and the line's takes them, in their order."""

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

# So many get a verdict, if but the fail-safe one; more are a mistake of the sender, not parts.
_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An occasion, and whether too many came behind it for it to be judged in time."""

    trigger_event: TriggerEvent
    overflowed: bool


class TriggerQueue:
    """Occasions that wait; safe for threads.

    Args:
        trigger: the kind of trigger, for the occasions.
        capacity: how many may wait to be judged.
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
        """Leave an occasion of now, or of a moment; never waits.

        Returns:
            Its number, from 1; None where so many wait that it is refused.
        """
        with self._changed:
            if len(self._waiting) >= _LIMIT:
                if not self._refused:  # once, and not for each of a flood
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
        """No more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, timeout_s: float) -> QueuedEvent | None:
        """The oldest; None where none comes in time, or will."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
            if not self._waiting:
                return None
            trigger_event = self._waiting.popleft()
            return QueuedEvent(trigger_event, len(self._waiting) >= self.capacity)

    @property
    def ended(self) -> bool:
        """Whether all was taken and no more will come."""
        with self._changed:
            return self._closed and not self._waiting
