"""Brightness and contrast of the network's input, for ageing lamps, dirty lenses, empty images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.image.preprocess import without_bars
from partsight.image.spec import PreprocessSpec
from partsight.utils.opencv import cv2

__all__ = ["ImageStatistics", "grey_range", "image_statistics"]

# Share of the darkest and of the brightest pixels that is ignored: two lines of text from a camera
# cover 6 %.
_TRIMMED = 0.075
# Means of 4 x 4 pixels are compared, so that sensor noise does not count as contrast.
_HALVINGS = 2
# A shorter side is not halved: text would spread over too large a share.
_LEAST_SIDE = 100


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Brightness and contrast of an image, in grey levels of 0 to 255.

    Attributes:
        luma: mean of Y' = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
        contrast: standard deviation of Y' over the image: RMS contrast (Peli, 1990).
    """

    luma: float
    contrast: float


def image_statistics(image: NDArray[np.uint8]) -> ImageStatistics:
    """Measure the network's input.

    Args:
        image: uint8 (H, W, 3), red-green-blue, as ``preprocess`` gives it.
    """
    mean, std = cv2.meanStdDev(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    return ImageStatistics(float(mean[0, 0]), float(std[0, 0]))


def grey_range(image: NDArray[np.uint8], spec: PreprocessSpec) -> float:
    """Range of the grey levels of the central 85 % of the pixels; 0 for an image of one colour.

    The largest range of the three channels counts, so that an image with different colours of
    equal brightness is not flat. Not the standard deviation: it is 22 for a black frame with a
    time stamp and 9 for a real magnetic tile. Flat frames with noise (sigma up to 10), a time stamp
    or a slight gradient stay below 10; the flattest of 1,961 real images of parts has 20.

    Args:
        image: uint8 (h, w, 3), RGB, as ``preprocess`` gives it under ``spec``.
        spec: the preprocessing; letterbox bars are left out.

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
