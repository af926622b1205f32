"""Heartbeat of the inspection loop, used by ``/healthz`` and systemd's watchdog.

Only the loop itself calls ``beat``, at each turn: a timer would go on beating if the loop hangs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

__all__ = ["Heartbeat"]


class Heartbeat:
    """Time of the loop's last turn. ``beat`` is for the loop's thread, ``age_s`` for any thread.

    Args:
        followers: called at each beat, in the loop's thread; they must not block.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        followers: Sequence[Callable[[], None]] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._followers = tuple(followers)
        self._clock = clock
        self._last_s = clock()

    def beat(self) -> None:
        """Note a turn of the loop."""
        self._last_s = self._clock()
        for follower in self._followers:
            follower()

    def age_s(self) -> float:
        """Return seconds since the last beat; before the first, since this object was made."""
        return self._clock() - self._last_s
