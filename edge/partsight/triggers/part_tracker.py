"""Follows a part through the zone, to inspect it once and on its best frame."""

from __future__ import annotations

import enum
from typing import Literal

from partsight.triggers.background import Observation

__all__ = ["TrackerAction", "PartTracker"]

# Consecutive frames that show that a part lies still, has passed the middle, or has left.
_STILL_FRAMES = 3
_PAST_FRAMES = 2
_CLEAR_FRAMES = 2
# Larger than the noise of the offset, in half diagonals.
_PAST = 0.03
# Shares of the smallest part: a part that covers less has left; one that moves less lies still.
_LEFT = 0.5
_STILL = 0.25


class TrackerAction(enum.Enum):
    """What to do after a frame."""

    NOTHING = enum.auto()
    KEEP = enum.auto()  # this frame is the best of the part so far
    INSPECT = enum.auto()  # on this frame
    INSPECT_KEPT = enum.auto()  # on the frame that was kept


class PartTracker:
    """Follows one part at a time through the zone.

    Args:
        fire: when a part is inspected, see ``PresenceTriggerConfig``.
        smallest: share of the zone that the smallest part covers.
    """

    def __init__(self, fire: Literal["settled", "centred"], smallest: float) -> None:
        self._fire, self._smallest = fire, smallest
        self.confirmed = False  # whether the belt was recognized after a part had left
        self.forget()

    def forget(self) -> None:
        """Start again: a part in view counts as not inspected."""
        self.present = self.inspected = False
        self._best = float("inf")
        self._still = self._past = self._clear = 0

    @property
    def awaited(self) -> bool:
        """Whether a part is in view that was not inspected yet."""
        return self.present and not self.inspected

    def step(self, seen: Observation) -> TrackerAction:
        """Process one frame; return what to do with it."""
        if not self.present:
            if seen.covered < self._smallest:
                return TrackerAction.NOTHING
            self.present = True
        self._clear = self._clear + 1 if seen.covered < self._smallest * _LEFT else 0
        if self._clear >= _CLEAR_FRAMES:
            action = TrackerAction.NOTHING if self.inspected else TrackerAction.INSPECT_KEPT
            self.forget()
            self.confirmed = True
            return action
        return TrackerAction.NOTHING if self.inspected or self._clear else self._follow(seen)

    def _follow(self, seen: Observation) -> TrackerAction:
        self._still = self._still + 1 if seen.moving < self._smallest * _STILL else 0
        if self._fire == "settled" and self._still >= _STILL_FRAMES:
            self.inspected = True
            return TrackerAction.INSPECT
        if seen.offset <= self._best:
            self._best, self._past = seen.offset, 0
            return TrackerAction.KEEP
        self._past = self._past + 1 if seen.offset > self._best + _PAST else 0
        if self._fire == "centred" and self._past >= _PAST_FRAMES:
            self.inspected = True
            return TrackerAction.INSPECT_KEPT
        return TrackerAction.NOTHING
