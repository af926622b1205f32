"""Schedule of retention: passes at intervals, in pieces of work between two images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

__all__ = ["RetentionSchedule"]

_EVERY_S = 60.0
# While the disk lacks free space.
_EVERY_SHORT_S = 1.0


class RetentionSchedule:
    """Runs passes of retention piece by piece.

    Args:
        start_pass: starts a pass; its iterator yields after each piece.
        monotonic: seconds.
    """

    def __init__(
        self,
        start_pass: Callable[[], Iterator[None]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start_pass, self._monotonic = start_pass, monotonic
        self._pass: Iterator[None] | None = None
        self._ended_at: float | None = None

    def run_piece(self, *, short: bool) -> bool:
        """Run a piece of a pass, if one is due; the first is due at once.

        Args:
            short: whether the disk lacks free space.

        Returns:
            Whether there is more to do now.
        """
        if self._pass is None:
            if not self._is_due(_EVERY_SHORT_S if short else _EVERY_S):
                return False
            self._pass = self._start_pass()
        for _ in self._pass:
            return True
        self._pass, self._ended_at = None, self._monotonic()
        return False

    def _is_due(self, every_s: float) -> bool:
        return self._ended_at is None or self._monotonic() - self._ended_at >= every_s
