"""Overlay of a class activation map on its image, for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.image.preprocess import place, region
from partsight.image.spec import PreprocessSpec
from partsight.utils.opencv import cv2

__all__ = ["overlay"]

# Of the colour where the map is at its maximum; the part must still be seen below it.
_OPACITY = 0.6
# In floating point a picture takes four times its memory, several times over.
_ROWS_AT_ONCE = 64


def overlay(
    image_bgr: NDArray[np.uint8], heatmap: NDArray[np.float32], spec: PreprocessSpec
) -> NDArray[np.uint8]:
    """Colour a picture where its map is above the map's mean.

    The colours tell where, the scores how much: they go from none at the mean to the
    strongest at the maximum, whatever these two are.

    Args:
        image_bgr: uint8 (H, W, 3), the whole picture.
        heatmap: float32 (h, w), see ``Contract.heatmap``; it covers what ``preprocess`` makes
            of the picture, bars and all. The bars do not count.
        spec: the preprocessing that the map was made under.

    Returns:
        uint8 (H, W, 3), BGR. What lies outside the region of interest is as it was.
    """
    covered = image_bgr.copy()
    seen = region(covered, spec)
    heat = _heat(heatmap, seen.shape[:2], spec)
    coloured = cv2.applyColorMap(np.round(255 * heat).astype(np.uint8), cv2.COLORMAP_JET)
    opacity = _OPACITY * heat[:, :, np.newaxis]
    for top in range(0, len(seen), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        towards = (coloured[rows] - seen[rows].astype(np.float32)) * opacity[rows]
        seen[rows] = np.round(seen[rows] + towards)
    return covered


def _heat(
    heatmap: NDArray[np.float32], hw: tuple[int, ...], spec: PreprocessSpec
) -> NDArray[np.float32]:
    """The map over a region of these rows and columns: 0 up to its mean, 1 at its maximum."""
    whole = cv2.resize(heatmap, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR)
    top, left, height, width = place(hw, spec)
    inner = np.asarray(whole[top : top + height, left : left + width], np.float32)
    mean = inner.mean()
    span = max(inner.max() - mean, np.finfo(np.float32).eps)
    heat = np.clip((inner - mean) / span, 0, 1)
    return np.asarray(cv2.resize(heat, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)
