"""The loop's own mark of progress: what ``/healthz`` and systemd's watchdog go by.

The loop says ``beat`` at each of its turns. Nobody else does: a timer would go on beating over
a loop that hangs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

__all__ = ["Heartbeat"]


class Heartbeat:
    """When the loop last had a turn. ``beat`` is the loop's; ``age_s`` may be asked by any thread.

    Args:
        followers: are called at each beat, in the loop's own thread; they must not wait.
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
        """The loop has a turn."""
        self._last_s = self._clock()
        for follower in self._followers:
            follower()

    def age_s(self) -> float:
        """Seconds since the last beat; before the first, since this was made."""
        return self._clock() - self._last_s
