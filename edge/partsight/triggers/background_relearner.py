"""How a wrong idea of the empty belt is mended: by what comes back, unchanged, between parts.

Where a part lay on the belt while it was learnt, or the camera was moved, something seems to be
in view for ever. Parts lie a little different each time; the empty belt does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["BackgroundRelearner"]

# Hands over a part that waits uncover the same picture again and again, so that a belt which was
# seen empty is not lightly doubted.
_TIMES_NEW = 3
_TIMES_PROVED = 30
_STILL_FRAMES = 3
_STILL = 0.25
_SAME = 0.5
# Still pictures that are remembered: of parts, and of the belt that is among them.
_MOST = 8

_Grey = NDArray[np.float32]


class BackgroundRelearner:
    """Counts how often a still picture came back after something moved.

    Args:
        share_of_change: of two pictures.
        smallest: share that the smallest part covers.
    """

    def __init__(self, share_of_change: Callable[[_Grey, _Grey], float], smallest: float) -> None:
        self._share, self._smallest = share_of_change, smallest
        self._forget()

    def _forget(self) -> None:
        # Each with how often it came back, the one that was seen last at the end.
        self._pictures: list[tuple[_Grey, int]] = []
        self._still = 0

    def is_belt(self, grey: _Grey, moving: float, *, judged: bool, proved: bool) -> bool:
        """Whether this is the empty belt, though something seems to be in view.

        Args:
            grey: the frame.
            moving: share that differs from the frame before.
            judged: whether what is in view was judged; nothing is to be mended else.
            proved: whether the belt, as it is known, was ever seen empty after a part.
        """
        if not judged:
            self._forget()
            return False
        self._still = self._still + 1 if moving < self._smallest * _STILL else 0
        # Once for each time that it comes to rest.
        if self._still != _STILL_FRAMES:
            return False
        times = self._seen_before(grey) + 1
        self._pictures = [*self._pictures[1 - _MOST :], (grey, times)]
        return times >= (_TIMES_PROVED if proved else _TIMES_NEW)

    def _seen_before(self, grey: _Grey) -> int:
        """How often a picture came; it is taken out of those that are remembered."""
        for place, (picture, times) in enumerate(self._pictures):
            if self._share(grey, picture) < self._smallest * _SAME:
                del self._pictures[place]
                return times
        return 0
