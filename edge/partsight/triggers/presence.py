"""Inspects each part once, by detecting it in the frames against the empty belt.

The belt must be empty during the first frames. Parts in the zone at the same time count as one:
make the zone smaller than the gap between them. After a while without frames, the part in view
may be another one, and it is inspected (again).
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

# After this time without a frame, another part may be in view.
_BLIND_S = 2.0


class PresenceTrigger(nullcontext["PresenceTrigger"]):
    """A ``Trigger`` that fires once for each part that is seen.

    Args:
        config: when to fire, and the size and contrast of a part.
        telemetry: gets the state ``trigger``: ``learning`` while the belt is learned.
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
        self._tracker = PartTracker(config.fire, config.smallest)
        self._relearner = BackgroundRelearner(self._background.share_of_change, config.smallest)
        self._kept: Frame | None = None
        self._seen_at_s = -math.inf

    def trigger_events(self, frames: Frames) -> Iterator[_Outcome | None]:
        """See ``Trigger``. A part in view when the source ends is still inspected."""
        moment = -math.inf
        while True:
            try:
                event = frames.after(moment, IDLE_S)
            except (NoMoreFrames, SourceError) as end:
                if self._tracker.awaited and self._kept is not None:
                    yield _outcome(self._kept)
                if isinstance(end, SourceError):
                    raise
                return
            if isinstance(event, Frame):
                moment = event.monotonic_s
                yield self._process(event)
            else:
                moment = self._clock() if event is not None else moment
                yield self._without_frame(event)

    def _process(self, frame: Frame) -> _Outcome | None:
        grey = small_grey(frame.image_bgr, self._zone)
        seen = self._background.look(grey)
        self._telemetry.state("trigger", "learning" if seen.learning else "listening")
        if frame.monotonic_s - self._seen_at_s > _BLIND_S:
            self._tracker.forget()
        self._seen_at_s = frame.monotonic_s
        if seen.learning:
            return None
        action = self._tracker.step(seen)
        tracker = self._tracker
        if self._relearner.is_belt(
            grey, seen.moving, inspected=tracker.inspected, confirmed=tracker.confirmed
        ):
            logger.warning(
                "the learned image of the empty belt is wrong and is learned again: the same view "
                "came between several parts"
            )
            self._background.adopt(grey)
            tracker.forget()
            tracker.confirmed = False
        return self._outcome_of(action, frame)

    def _outcome_of(self, action: TrackerAction, frame: Frame) -> _Outcome | None:
        if action is TrackerAction.KEEP:
            self._kept = frame
            return None
        if action is TrackerAction.NOTHING:
            return None
        kept = self._kept if action is TrackerAction.INSPECT_KEPT else frame
        self._kept = None
        return None if kept is None else _outcome(kept)

    def _without_frame(self, fault: Fault | None) -> _Outcome | None:
        """Handle a missing frame or a fault: a part in view must not wait without end."""
        if not self._tracker.awaited or self._clock() - self._seen_at_s < _BLIND_S:
            return None
        kept, self._kept = self._kept, None
        self._tracker.inspected = True
        if fault is not None:
            return TriggerEvent("presence", self._seen_at_s), fault
        return None if kept is None else _outcome(kept)


def _outcome(frame: Frame) -> _Outcome:
    return TriggerEvent("presence", frame.monotonic_s), frame
