"""Wait before a lost source is opened again: backoff with jitter, within a budget."""

from __future__ import annotations

import collections
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["BACKOFF", "BackoffSettings", "Restarts"]


@dataclass(frozen=True, slots=True)
class BackoffSettings:
    """Waits between attempts to open a source.

    Attributes:
        first_s: wait before the first attempt; it is doubled after each failure.
        most_s: longest wait.
        budget: number of attempts within ``window_s`` after which only the longest wait is used.
        window_s: period in which attempts are counted.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    budget: int = 10
    window_s: float = 600.0


BACKOFF = BackoffSettings()


class Restarts:
    """Counts attempts and returns the wait before the next one.

    The wait doubles with each attempt that brings no frame, up to the longest. If there were more
    attempts within the window than the budget allows, the longest wait is used at once: the line
    never gives up, but does not wear out a camera that opens and fails again.

    Args:
        random: returns a number in [0, 1), so that devices do not reconnect at the same time.
        settings: waits, budget and window.

    Attributes:
        exhausted: whether the budget is used up.
    """

    def __init__(self, random: Callable[[], float], settings: BackoffSettings) -> None:
        self._settings, self._random = settings, random
        self._failures = 0
        self._attempts: collections.deque[float] = collections.deque(maxlen=settings.budget)
        self.exhausted = False

    def succeeded(self) -> None:
        """Note that a frame came: the next failure is a first one."""
        self._failures = 0

    def next_wait_s(self, monotonic_s: float) -> float:
        """Note a failure at a moment, and return the wait, of which up to half is random."""
        settings, attempts = self._settings, self._attempts
        # The exponent is limited because a float is: a source may fail for years.
        doubled_s = settings.first_s * 2.0 ** min(self._failures, 60)
        self._failures += 1
        oldest_s = attempts[0] if len(attempts) == settings.budget else None
        self.exhausted = oldest_s is not None and monotonic_s - oldest_s < settings.window_s
        attempts.append(monotonic_s)
        wait_s = settings.most_s if self.exhausted else min(doubled_s, settings.most_s)
        return wait_s * (1 - self._random() / 2)
