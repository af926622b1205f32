"""Random fields for the renderer: white noise, soft clouds, brush streaks."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from partsight.utils.opencv import cv2

__all__ = ["Field", "chance", "clouds", "grain", "plane", "streaks"]

Field: TypeAlias = NDArray[np.float32]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def grain(rng: np.random.Generator, size_hw: tuple[int, int]) -> Field:
    """White noise: float32 (H, W), normal with mean 0 and deviation 1."""
    return rng.standard_normal(size_hw, dtype=np.float32)


def clouds(rng: np.random.Generator, size_hw: tuple[int, int], cells: int) -> Field:
    """Soft patches, about ``cells`` along each axis: float32 (H, W), deviation near 0.8."""
    coarse = grain(rng, (cells + 1, cells + 1))
    return np.asarray(cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_CUBIC))


def streaks(rng: np.random.Generator, size_hw: tuple[int, int], length_px: int) -> Field:
    """Brush lines along x, about ``length_px`` long: float32 (H, W), deviation near 0.8."""
    coarse = grain(rng, (size_hw[0], size_hw[1] // length_px + 2))
    return np.asarray(cv2.resize(coarse, size_hw[::-1], interpolation=cv2.INTER_LINEAR))


@cache
def plane(size_hw: tuple[int, int]) -> tuple[Field, Field]:
    """x and y of every pixel, -1 to 1 across the longer side; float32 (H, W) each, read-only."""
    height, width = size_hw
    half = max(height, width) / 2
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / half
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) / half
    fields = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    for field in fields:
        field.flags.writeable = False
    return fields[0], fields[1]
