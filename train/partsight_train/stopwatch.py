"""Durations of the stages of a run."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Stopwatch"]


class Stopwatch:
    """Measures the time between laps, from its creation on.

    Attributes:
        seconds: stage to duration.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, clock()
        self.seconds: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Record the time since the last lap under this name."""
        now = self._clock()
        self.seconds[name] = now - self._last
        self._last = now
