"""Detects that the learned belt is wrong, by an image that returns unchanged between parts.

If a part lay on the belt while it was learned, or the camera was moved, a part seems to be in
view permanently. Real parts lie slightly differently each time; the empty belt does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["BackgroundRelearner"]

# Hands that pass over a waiting part also show the same image repeatedly, so a belt that was
# already seen empty needs more repetitions.
_TIMES_NEW = 3
_TIMES_CONFIRMED = 30
_STILL_FRAMES = 3
_STILL = 0.25
_SAME = 0.5
# Number of still images to compare with, of parts and of the belt.
_MAX_IMAGES = 8

_Grey = NDArray[np.float32]


class BackgroundRelearner:
    """Counts how often the same still image returned after a movement.

    Args:
        share_of_change: gives the share of pixels in which two frames differ.
        smallest: share of the zone that the smallest part covers.
    """

    def __init__(self, share_of_change: Callable[[_Grey, _Grey], float], smallest: float) -> None:
        self._share, self._smallest = share_of_change, smallest
        self._forget()

    def _forget(self) -> None:
        # Each with the number of times it was seen, the latest last.
        self._images: list[tuple[_Grey, int]] = []
        self._still = 0

    def is_belt(self, grey: _Grey, moving: float, *, inspected: bool, confirmed: bool) -> bool:
        """Return whether this is the empty belt although a part seems to be in view.

        Args:
            grey: the frame.
            moving: share of it that differs from the frame before.
            inspected: whether the part in view was inspected; if not, the answer is False.
            confirmed: whether the learned belt was ever seen empty after a part.
        """
        if not inspected:
            self._forget()
            return False
        self._still = self._still + 1 if moving < self._smallest * _STILL else 0
        # Count once each time the image comes to rest.
        if self._still != _STILL_FRAMES:
            return False
        times = self._seen_before(grey) + 1
        self._images = [*self._images[1 - _MAX_IMAGES :], (grey, times)]
        return times >= (_TIMES_CONFIRMED if confirmed else _TIMES_NEW)

    def _seen_before(self, grey: _Grey) -> int:
        """Remove an image from the remembered ones; return how often it was seen."""
        for position, (image, times) in enumerate(self._images):
            if self._share(grey, image) < self._smallest * _SAME:
                del self._images[position]
                return times
        return 0
