"""From what frames show to one verdict a part: when it is judged, and by which frame."""

from __future__ import annotations

import enum
from typing import Literal

from partsight.triggers.background import Observation

__all__ = ["TrackerAction", "PartTracker"]

# Frames in a row that show that a part lies still, or has passed the middle, or has left.
_STILL_FRAMES = 3
_PAST_FRAMES = 2
_CLEAR_FRAMES = 2
# Beyond the shake of the measure, in half diagonals.
_PAST = 0.03
# Of the smallest part: what is less has left, and what moves less lies still.
_LEFT = 0.5
_STILL = 0.25


class TrackerAction(enum.Enum):
    """What is to be done after a frame."""

    NOTHING = enum.auto()
    KEEP = enum.auto()  # it is the best of the part so far
    JUDGE = enum.auto()  # by this frame
    JUDGE_KEPT = enum.auto()  # by the one that was kept


class PartTracker:
    """Follows one part at a time through the zone.

    Args:
        fire: when a part is judged, see ``PresenceTriggerConfig``.
        smallest: share of the zone that the smallest part covers.
    """

    def __init__(self, fire: Literal["settled", "centred"], smallest: float) -> None:
        self._fire, self._smallest = fire, smallest
        self.proved = False  # that a part has left, and the belt was known again
        self.forget()

    def forget(self) -> None:
        """As at the start: whatever is in view has not been judged."""
        self.present = self.judged = False
        self._best = float("inf")
        self._still = self._past = self._clear = 0

    @property
    def awaited(self) -> bool:
        """Whether a part is in view that has yet to be judged."""
        return self.present and not self.judged

    def step(self, sight: Observation) -> TrackerAction:
        """Go on by a frame."""
        if not self.present:
            if sight.covered < self._smallest:
                return TrackerAction.NOTHING
            self.present = True
        self._clear = self._clear + 1 if sight.covered < self._smallest * _LEFT else 0
        if self._clear >= _CLEAR_FRAMES:
            act = TrackerAction.NOTHING if self.judged else TrackerAction.JUDGE_KEPT
            self.forget()
            self.proved = True
            return act
        return TrackerAction.NOTHING if self.judged or self._clear else self._follow(sight)

    def _follow(self, sight: Observation) -> TrackerAction:
        self._still = self._still + 1 if sight.moving < self._smallest * _STILL else 0
        if self._fire == "settled" and self._still >= _STILL_FRAMES:
            self.judged = True
            return TrackerAction.JUDGE
        if sight.offset <= self._best:
            self._best, self._past = sight.offset, 0
            return TrackerAction.KEEP
        self._past = self._past + 1 if sight.offset > self._best + _PAST else 0
        if self._fire == "centred" and self._past >= _PAST_FRAMES:
            self.judged = True
            return TrackerAction.JUDGE_KEPT
        return TrackerAction.NOTHING
