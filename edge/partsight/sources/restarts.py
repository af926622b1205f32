"""When a source that was lost is opened again: with backoff and jitter, within a budget."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partsight.config.source import SourceConfig

__all__ = ["Restarts"]


class Restarts:
    """Counts attempts and says how long to wait before the next.

    The wait doubles with each attempt that brings no frame, up to the longest. Where there were
    more attempts within the window than the budget allows, it is the longest at once: a device
    at a line never gives up, but neither does it wear out a camera that opens and dies.

    Args:
        config: waits, budget and window.
        random: gives a number in [0, 1), so that devices do not return to a server in step.
    """

    def __init__(self, config: SourceConfig, random: Callable[[], float]) -> None:
        self._config, self._random = config, random
        self._failures = 0
        self._attempts: collections.deque[float] = collections.deque(maxlen=config.restart_budget)
        self.exhausted = False

    def succeeded(self) -> None:
        """A frame came: the next failure is a first one."""
        self._failures = 0

    def next_wait_s(self, monotonic_s: float) -> float:
        """Note a failure at a moment; return how long to wait, half of it by chance."""
        config, attempts = self._config, self._attempts
        # The exponent is limited because a float is: a device may fail for years.
        doubled_s = config.backoff_first_s * 2.0 ** min(self._failures, 60)
        self._failures += 1
        oldest_s = attempts[0] if len(attempts) == config.restart_budget else None
        self.exhausted = oldest_s is not None and monotonic_s - oldest_s < config.restart_window_s
        attempts.append(monotonic_s)
        wait_s = config.backoff_most_s if self.exhausted else min(doubled_s, config.backoff_most_s)
        return wait_s * (1 - self._random() / 2)
