"""What the line asks of a trigger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from partsight.records import Fault, Frame, TriggerEvent
from partsight.sources.frames import Frames

__all__ = ["IDLE_S", "Trigger"]

# A trigger gives the loop a turn at least this often, also where nothing happens.
IDLE_S = 0.5


class Trigger(AbstractContextManager["Trigger"], Protocol):
    """Says when a part is to be judged, and by which frame."""

    def trigger_events(self, frames: Frames) -> Iterator[tuple[TriggerEvent, Frame | Fault] | None]:
        """Yield each occasion with the first frame after it, or with why there is none.

        None comes where nothing happened for ``IDLE_S``, so that the loop can see to the rest.
        Ends where the source does.

        Raises:
            SourceError: the source can give no more, and that is wrong.
        """
