"""Overlay of a class activation map on its image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.image.preprocess import place, region
from partsight.image.spec import PreprocessSpec
from partsight.utils.opencv import cv2

__all__ = ["overlay"]

# Opacity at the maximum of the map; the part must remain visible.
_OPACITY = 0.6
# Bounds the memory: in floating point, each copy of an image takes four times its memory.
_ROWS_AT_ONCE = 64


def overlay(
    image_bgr: NDArray[np.uint8], heatmap: NDArray[np.float32], spec: PreprocessSpec
) -> NDArray[np.uint8]:
    """Colour an image where its map is above the map's mean.

    The opacity rises from zero at the mean to its maximum at the maximum of the map, whatever
    their values: colours show the place of the evidence, scores its strength.

    Args:
        image_bgr: uint8 (H, W, 3), the whole image, blue-green-red.
        heatmap: float32 (h, w), see ``Contract.heatmap``; it covers the network's input with its
            letterbox bars, which do not count.
        spec: the model's preprocessing.

    Returns:
        uint8 (H, W, 3), BGR; unchanged outside the region of interest.
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
    """The map scaled to a region of ``hw`` pixels: 0 up to its mean, 1 at its maximum."""
    whole = cv2.resize(heatmap, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR)
    top, left, height, width = place(hw, spec)
    inner = np.asarray(whole[top : top + height, left : left + width], np.float32)
    mean = inner.mean()
    span = max(inner.max() - mean, np.finfo(np.float32).eps)
    heat = np.clip((inner - mean) / span, 0, 1)
    return np.asarray(cv2.resize(heat, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)
