"""Inspects every frame, without detecting parts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

from partsight.records import Fault, Frame, TriggerEvent
from partsight.sources.frames import Frames, NoMoreFrames
from partsight.triggers.base import IDLE_S

__all__ = ["FrameTrigger"]


class FrameTrigger(nullcontext["FrameTrigger"]):
    """A ``Trigger`` that fires at every frame.

    Args:
        clock: seconds of ``time.monotonic``.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(self)
        self._clock = clock

    def trigger_events(self, frames: Frames) -> Iterator[tuple[TriggerEvent, Frame | Fault] | None]:
        """See ``Trigger``. An event has the time of the frame before it, so that no frame is
        inspected twice.
        """
        moment = -math.inf
        while True:
            try:
                event = frames.after(moment, IDLE_S)
            except NoMoreFrames:
                return
            if event is None:
                yield None
                continue
            since = moment
            moment = event.monotonic_s if isinstance(event, Frame) else self._clock()
            # The first frame has none before it.
            yield TriggerEvent("frame", moment if since == -math.inf else since), event
