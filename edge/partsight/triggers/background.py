"""What is before the empty belt in a frame: a background model on a small grey picture.

Each pixel of the belt has a level, which follows what it shows for as long as nothing covers it:
a part that lies there for minutes is not taken into the belt. Light that changes changes all
levels by one factor, those under a part too, so that the belt is known again when the part goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.utils.opencv import cv2

__all__ = ["Background", "Observation", "small_grey"]

_Grey = NDArray[np.float32]

# Of the small picture; 3,600 pixels tell a part from the belt as well as two million do.
_LONG_SIDE = 80
# A pixel of it is the mean of so many by so many, which takes away most of the noise.
_MEAN_OF = 3
# Frames of the empty belt that the levels start from.
_LEARN_FRAMES = 10
# Share of the way to what a free pixel shows that its level goes by each frame.
_FOLLOW = 0.05
# Where so many pixels changed by one factor, it is the light, however much that is.
_ALL_BUT_A_PART = 0.8
# Else, with a large part in view, the factor of the rest is believed so far a frame.
_GAIN_STEP = 0.01
# Below it, the rest is too small to tell of the light.
_ENOUGH = 0.1


@dataclass(frozen=True, slots=True)
class Observation:
    """What a frame shows.

    Attributes:
        covered: share of the zone that is not the belt.
        offset: distance of its middle from the zone's, in half diagonals: 0 in the middle.
        moving: share of the zone that differs from the frame before.
        learning: whether the belt is yet to be learnt, and nothing is known of parts.
    """

    covered: float
    offset: float
    moving: float
    learning: bool = False


class Background:
    """The levels of the belt, by which frames are looked at, one after the other.

    Args:
        contrast: grey levels by which a pixel of a part differs from the belt.
    """

    def __init__(self, contrast: float) -> None:
        self._contrast = contrast
        self._level: _Grey | None = None
        self._before: _Grey | None = None
        self._seen = 0

    def look(self, grey: _Grey) -> Observation:
        """Look at the next frame and learn of it.

        Args:
            grey: float32 (h, w) in [1, 256], see ``small_grey``; another shape starts anew.
        """
        if self._level is None or self._before is None or self._level.shape != grey.shape:
            self._level, self._before, self._seen = grey.copy(), grey, 0
        moving = self.share_of_change(grey, self._before)
        self._before = grey
        self._seen += 1
        if self._seen <= _LEARN_FRAMES:
            self._level += (grey - self._level) / np.float32(self._seen)
            return Observation(0.0, 0.0, moving, learning=True)
        self._level *= self._gain(grey, self._level)
        difference = grey - self._level
        covered = np.abs(difference) > self._contrast
        self._level += np.where(covered, np.float32(0), difference * np.float32(_FOLLOW))
        return Observation(float(covered.mean()), _offset(covered), moving)

    def adopt(self, grey: _Grey) -> None:
        """Take a picture for that of the empty belt."""
        self._level = grey.copy()

    def share_of_change(self, one: _Grey, other: _Grey) -> float:
        """The share of pixels that tells two pictures from each other."""
        return float((np.abs(one - other) > self._contrast / 2).mean())

    def _gain(self, grey: _Grey, level: _Grey) -> np.float32:
        """The factor by which the light changed."""
        ratio = grey / level
        gain = np.median(ratio)
        if (np.abs(grey - level * gain) <= self._contrast).mean() >= _ALL_BUT_A_PART:
            return np.float32(gain)
        free = np.abs(grey - level) <= self._contrast
        if free.mean() < _ENOUGH:
            return np.float32(1)
        return np.float32(np.clip(np.median(ratio[free]), 1 - _GAIN_STEP, 1 + _GAIN_STEP))


def small_grey(image_bgr: NDArray[np.uint8], zone: Sequence[float]) -> _Grey:
    """A zone of a frame, small and grey.

    Args:
        image_bgr: uint8 (H, W, 3).
        zone: left, top, right, bottom as shares of the frame.

    Returns:
        float32 (h, w) in [1, 256], so that ratios of levels are defined.
    """
    height, width = image_bgr.shape[:2]
    left, top, right, bottom = zone
    part = image_bgr[
        math.floor(top * height) : max(math.ceil(bottom * height), math.floor(top * height) + 1),
        math.floor(left * width) : max(math.ceil(right * width), math.floor(left * width) + 1),
    ]
    scale = _LONG_SIDE / max(part.shape[:2])
    columns, rows = (max(1, round(side * scale)) for side in part.shape[1::-1])
    # Picked pixels, then their means: to read all of a frame would take most of the time.
    picked = cv2.resize(
        part, (columns * _MEAN_OF, rows * _MEAN_OF), interpolation=cv2.INTER_NEAREST
    )
    grey = cv2.cvtColor(picked, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) + np.float32(1)


def _offset(covered: NDArray[np.bool_]) -> float:
    total = covered.sum()
    if not total:
        return 1.0
    rows, columns = covered.shape
    y = (covered.sum(axis=1) @ np.arange(rows)) / total - (rows - 1) / 2
    x = (covered.sum(axis=0) @ np.arange(columns)) / total - (columns - 1) / 2
    return float(math.hypot(x, y) / (math.hypot(rows, columns) / 2))
