"""When retention has its turn: not too often, and in pieces.

Enters: a function that starts a pass. Called by the store's thread, between two pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

__all__ = ["Tidying"]

_EVERY_S = 60.0
# Where old pictures are in the way of the journal.
_EVERY_SHORT_S = 1.0


class Tidying:
    """Takes pieces of passes.

    Args:
        start_pass: gives the pieces of one pass.
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

    def take_a_piece(self, *, short: bool) -> bool:
        """Do a piece of a pass, if one is due; the first is due at once.

        Args:
            short: whether the disk lacks room.

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
