"""Waiting times before a failed action is tried again."""

from __future__ import annotations

import collections
import random
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Backoff", "RetryBudget"]


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Number of failures allowed within a time window.

    Attributes:
        failures: largest number of failures within the window.
        window_s: length of the window in seconds.
    """

    failures: int
    window_s: float


class Backoff:
    """Waiting times that double with each failure, up to a longest one, until ``reset``.

    A budget protects a device that works for a moment and fails again: ``reset`` after each
    success would keep the waits short. While more failures than the budget allows lie within its
    window, every wait is the longest.

    Args:
        first_s: seconds to wait after the first failure.
        most_s: longest wait in seconds.
        chance: gives a number in [0, 1). Half of each wait is multiplied by it, so that devices
            that lost the same server do not all return at the same moment.
        budget: limit of failures in spite of successes; None sets no limit.

    Attributes:
        exhausted: whether the last failure exceeded the budget.
    """

    def __init__(
        self,
        first_s: float,
        most_s: float,
        chance: Callable[[], float] = random.random,
        budget: RetryBudget | None = None,
    ) -> None:
        self._first_s, self._chance = first_s, chance
        self.most_s, self.budget = most_s, budget
        self._failures = 0
        self._failed_at: collections.deque[float] = collections.deque(
            maxlen=budget.failures if budget else 0
        )
        self.exhausted = False

    def next_s(self, now_s: float = 0.0) -> float:
        """Count a failure and return the seconds to wait.

        Args:
            now_s: time of the failure in seconds of a monotonic clock; needed with a budget.
        """
        # The exponent is limited because a float is: a receiver may be gone for years.
        wait_s = min(self.most_s, self._first_s * 2.0 ** min(self._failures, 60))
        self._failures += 1
        if self.budget is not None:
            full = len(self._failed_at) == self.budget.failures
            self.exhausted = full and now_s - self._failed_at[0] < self.budget.window_s
            self._failed_at.append(now_s)
            wait_s = self.most_s if self.exhausted else wait_s
        return wait_s * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """Start again with the first wait; call it only after a confirmed success."""
        self._failures = 0
