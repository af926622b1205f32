"""One verdict a part, by looking: a part is told from the empty belt.

The belt must be empty for the first frames. Parts that are in the zone at once count as one:
make the zone smaller than the gap between them. Where no frame could be seen for a while, it is
not known whether the part in view is still the same, and it is judged (again).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

from partsight.errors import SourceError
from partsight.records import Fault, Frame, TriggerEvent
from partsight.sources.frames import Frames, NoMoreFrames
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.background import Background, small_grey
from partsight.triggers.background_relearner import BackgroundRelearner
from partsight.triggers.base import IDLE_S
from partsight.triggers.part_tracker import PartTracker, TrackerAction

if TYPE_CHECKING:
    from partsight.config.trigger import PresenceTriggerConfig

__all__ = ["PresenceTrigger"]

logger = logging.getLogger(__name__)

_Outcome = tuple[TriggerEvent, Frame | Fault]

# Longer without a frame, and another part may lie there.
_BLIND_S = 2.0


class PresenceTrigger(nullcontext["PresenceTrigger"]):
    """A ``Trigger`` that fires once for each part that is seen.

    Args:
        config: when it fires, and what a part is.
        telemetry: is told whether the belt is being learnt.
        clock: seconds of ``time.monotonic``.
    """

    def __init__(
        self,
        config: PresenceTriggerConfig,
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(self)
        self._zone, self._telemetry, self._clock = config.zone, telemetry, clock
        self._background = Background(config.contrast)
        self._passage = PartTracker(config.fire, config.smallest)
        self._recurrence = BackgroundRelearner(self._background.share_of_change, config.smallest)
        self._kept: Frame | None = None
        self._seen_at_s = -math.inf

    def trigger_events(self, frames: Frames) -> Iterator[_Outcome | None]:
        """See ``Trigger``. A part in view when the source ends is judged before."""
        moment = -math.inf
        while True:
            try:
                event = frames.after(moment, IDLE_S)
            except (NoMoreFrames, SourceError) as end:
                if self._passage.awaited and self._kept is not None:
                    yield _outcome(self._kept)
                if isinstance(end, SourceError):
                    raise
                return
            if isinstance(event, Frame):
                moment = event.monotonic_s
                yield self._look(event)
            else:
                moment = self._clock() if event is not None else moment
                yield self._blind(event)

    def _look(self, frame: Frame) -> _Outcome | None:
        grey = small_grey(frame.image_bgr, self._zone)
        sight = self._background.look(grey)
        self._telemetry.state("trigger", "learning" if sight.learning else "listening")
        if frame.monotonic_s - self._seen_at_s > _BLIND_S:
            self._passage.forget()
        self._seen_at_s = frame.monotonic_s
        if sight.learning:
            return None
        act = self._passage.step(sight)
        passage = self._passage
        if self._recurrence.is_belt(
            grey, sight.moving, judged=passage.judged, proved=passage.proved
        ):
            logger.warning("the belt is learnt anew: the same picture came between parts")
            self._background.adopt(grey)
            passage.forget()
            passage.proved = False
        return self._done(act, frame)

    def _done(self, act: TrackerAction, frame: Frame) -> _Outcome | None:
        if act is TrackerAction.KEEP:
            self._kept = frame
            return None
        if act is TrackerAction.NOTHING:
            return None
        kept = self._kept if act is TrackerAction.JUDGE_KEPT else frame
        self._kept = None
        return None if kept is None else _outcome(kept)

    def _blind(self, fault: Fault | None) -> _Outcome | None:
        """No frame, or a fault: a part that was in view does not wait for ever."""
        if not self._passage.awaited or self._clock() - self._seen_at_s < _BLIND_S:
            return None
        kept, self._kept = self._kept, None
        self._passage.judged = True
        if fault is not None:
            return TriggerEvent("presence", self._seen_at_s), fault
        return None if kept is None else _outcome(kept)


def _outcome(frame: Frame) -> _Outcome:
    return TriggerEvent("presence", frame.monotonic_s), frame
