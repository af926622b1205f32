"""Brightness and contrast of the network's input: ageing lamps, dim lenses, empty pictures.

Input: the bytes that the network is fed, in training, in batches and on the line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.image.preprocess import without_bars
from partsight.image.spec import PreprocessSpec
from partsight.utils.opencv import cv2

__all__ = ["ImageStatistics", "grey_range", "image_statistics"]

# Share of the pixels on either side that does not count: two lines of text that a camera lays
# over its frames cover 6 %.
_TRIMMED = 0.075
# Means of 4 x 4 pixels are compared, so that sensor noise is no contrast.
_HALVINGS = 2
# Below this side it is not halved: text would spread over too large a share.
_LEAST_SIDE = 100


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Two numbers of a picture, in grey levels of 0 to 255.

    Attributes:
        luma: mean of Y' = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
        contrast: standard deviation of Y' over the picture: RMS contrast (Peli, 1990).
    """

    luma: float
    contrast: float


def image_statistics(image: NDArray[np.uint8]) -> ImageStatistics:
    """Measure what the network is fed.

    Args:
        image: uint8 (H, W, 3), red-green-blue, as ``preprocess`` gives it.
    """
    mean, std = cv2.meanStdDev(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    return ImageStatistics(float(mean[0, 0]), float(std[0, 0]))


def grey_range(image: NDArray[np.uint8], spec: PreprocessSpec) -> float:
    """Grey levels that the central 85 % of a picture spread over: 0 for a picture of one colour.

    The largest of the three channels counts, so that a picture whose colours differ at equal
    brightness is not flat. Not the standard deviation: a black frame with a time stamp has one
    of 22, a real magnetic tile 9. Flat frames with noise (sigma up to 10), a time stamp or a
    slight gradient stay below 10; the flattest of 1,961 real pictures of parts has 20.

    Args:
        image: uint8 (h, w, 3), RGB, as ``preprocess`` gives it under ``spec``.
        spec: tells whether bars beside the picture are to be left out.

    Returns:
        0 to 255.
    """
    seen = without_bars(image, spec)
    for _ in range(_HALVINGS):
        if min(seen.shape[:2]) < _LEAST_SIDE:
            break
        half_wh = (seen.shape[1] // 2, seen.shape[0] // 2)
        seen = np.asarray(cv2.resize(seen, half_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return float(max(_central_range(seen[:, :, channel]) for channel in range(seen.shape[2])))


def _central_range(channel: NDArray[np.uint8]) -> int:
    below = np.bincount(channel.ravel(), minlength=256).cumsum()
    outside = int(channel.size * _TRIMMED)
    low, high = below.searchsorted([outside, channel.size - outside - 1], side="right")
    return int(high - low)
