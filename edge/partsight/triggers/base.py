"""Interface of triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from partsight.records import Fault, Frame, TriggerEvent
from partsight.sources.frames import Frames

__all__ = ["IDLE_S", "Trigger"]

# A trigger returns control to the loop at least this often, also without an event.
IDLE_S = 0.5


class Trigger(AbstractContextManager["Trigger"], Protocol):
    """Decides when a part is inspected, and on which frame."""

    def trigger_events(self, frames: Frames) -> Iterator[tuple[TriggerEvent, Frame | Fault] | None]:
        """Yield each trigger event with the first frame after it, or with a fault instead.

        Yields None after ``IDLE_S`` without an event, so that the loop can do its housekeeping.
        Ends when the source ends.

        Raises:
            SourceError: the source failed and gives no more frames.
        """
