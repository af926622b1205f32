"""How long each part of a run took."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Stopwatch"]


class Stopwatch:
    """Times what lies between its laps; runs from when it is made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, clock()
        self.seconds: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """What was done since the last lap has this name."""
        now = self._clock()
        self.seconds[name] = now - self._last
        self._last = now
