"""Background model of the empty belt, on a small grey version of the frame.

Each pixel of the belt has a level that follows the pixel while nothing covers it, so a part that
lies there for minutes does not become background. A change of light changes all levels by one
factor, also those under a part, so the belt is recognized when the part leaves.
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

# Long side of the small image: 3,600 pixels distinguish a part from the belt as well as 2 million.
_LONG_SIDE = 80
# Each of its pixels is the mean of 3x3 pixels, which removes most of the noise.
_MEAN_OF = 3
# Frames of the empty belt from which the first levels are computed.
_LEARN_FRAMES = 10
# Weight of a new frame in the level of a free pixel.
_FOLLOW = 0.05
# If at least this share of the pixels changed by one factor, the light changed.
_LIGHT_SHARE = 0.8
# Otherwise the gain of the free pixels is used, changed by at most this much per frame.
_GAIN_STEP = 0.01
# Smallest share of free pixels that a gain is computed from.
_FREE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Observation:
    """Measurements of one frame.

    Attributes:
        covered: share of the zone that is not the belt, [0, 1].
        offset: distance of the covered area's centre from the zone's centre, in half diagonals.
        moving: share of the zone that differs from the frame before, [0, 1].
        learning: whether the belt is still being learned, so that parts are not detected yet.
    """

    covered: float
    offset: float
    moving: float
    learning: bool = False


class Background:
    """Grey level of each pixel of the empty belt, updated frame by frame.

    Args:
        contrast: smallest difference in grey levels between a part and the belt.
    """

    def __init__(self, contrast: float) -> None:
        self._contrast = contrast
        self._level: _Grey | None = None
        self._before: _Grey | None = None
        self._seen = 0

    def look(self, grey: _Grey) -> Observation:
        """Measure the next frame and update the levels.

        Args:
            grey: float32 (h, w) in [1, 256], see ``small_grey``; another shape starts again.
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
        """Use a frame as the image of the empty belt."""
        self._level = grey.copy()

    def share_of_change(self, one: _Grey, other: _Grey) -> float:
        """Return the share of pixels in which two frames differ, [0, 1]."""
        return float((np.abs(one - other) > self._contrast / 2).mean())

    def _gain(self, grey: _Grey, level: _Grey) -> np.float32:
        """Return the factor by which the light changed."""
        ratio = grey / level
        gain = np.median(ratio)
        if (np.abs(grey - level * gain) <= self._contrast).mean() >= _LIGHT_SHARE:
            return np.float32(gain)
        free = np.abs(grey - level) <= self._contrast
        if free.mean() < _FREE_SHARE:
            return np.float32(1)
        return np.float32(np.clip(np.median(ratio[free]), 1 - _GAIN_STEP, 1 + _GAIN_STEP))


def small_grey(image_bgr: NDArray[np.uint8], zone: Sequence[float]) -> _Grey:
    """Return a zone of a frame, shrunk and grey.

    Args:
        image_bgr: uint8 (H, W, 3) BGR.
        zone: left, top, right, bottom as shares of the frame.

    Returns:
        float32 (h, w) in [1, 256], so that ratios of levels are defined.
    """
    height, width = image_bgr.shape[:2]
    left, top, right, bottom = zone
    region = image_bgr[
        math.floor(top * height) : max(math.ceil(bottom * height), math.floor(top * height) + 1),
        math.floor(left * width) : max(math.ceil(right * width), math.floor(left * width) + 1),
    ]
    scale = _LONG_SIDE / max(region.shape[:2])
    columns, rows = (max(1, round(side * scale)) for side in region.shape[1::-1])
    # Sample pixels first, then average them: reading the whole frame would take most of the time.
    picked = cv2.resize(
        region, (columns * _MEAN_OF, rows * _MEAN_OF), interpolation=cv2.INTER_NEAREST
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
