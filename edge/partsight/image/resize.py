"""Smaller copies of images, for display and storage; never for the network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.utils.opencv import cv2

__all__ = ["shrink"]


def shrink(image: NDArray[np.uint8], longest_side: int) -> NDArray[np.uint8]:
    """The image with its longer side reduced to ``longest_side`` pixels, in its proportions.

    Args:
        image: uint8 (H, W, 3); returned unchanged if it is not larger.
        longest_side: pixels.
    """
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return image
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
