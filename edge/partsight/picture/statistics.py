"""How bright and how lively a picture is: what tells of a lamp that ages or a lens gone dim.

Enters: the bytes that the network is fed, in training and on the line. Leaves: two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.opencv import cv2

__all__ = ["PictureStatistics", "picture_statistics"]


@dataclass(frozen=True, slots=True)
class PictureStatistics:
    """Two numbers of a picture, in grey levels of 0 to 255.

    Attributes:
        luma: mean of Y' = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
        contrast: standard deviation of Y' over the picture: RMS contrast (Peli, 1990).
    """

    luma: float
    contrast: float


def picture_statistics(picture: NDArray[np.uint8]) -> PictureStatistics:
    """Measure what the network is fed.

    Args:
        picture: uint8 (H, W, 3), red-green-blue, as ``preprocess`` gives it.
    """
    mean, std = cv2.meanStdDev(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    return PictureStatistics(float(mean[0, 0]), float(std[0, 0]))
