"""Waiting times between two attempts."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Waits that double with every failure, up to a longest one, until ``reset``.

    Args:
        first_s: seconds to wait after the first failure.
        most_s: longest wait in seconds.
        chance: number in [0, 1). Half of each wait depends on it, so that devices that lost the
            same server do not all return at the same moment.
    """

    def __init__(
        self, first_s: float, most_s: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._first_s, self._most_s, self._chance = first_s, most_s, chance
        self._failures = 0

    def next_s(self) -> float:
        """Count a failure and return the seconds to wait."""
        # A receiver may be away for years: without a limit the power would overflow.
        wait_s = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 60))
        self._failures += 1
        return wait_s * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """Start again with the first wait. To be called only after a confirmed success."""
        self._failures = 0
