"""Random poses of the part under the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.part import CENTRE, Blank

__all__ = ["draw_pose"]


def draw_pose(
    blank: Blank, rng: np.random.Generator, size_hw: tuple[int, int]
) -> NDArray[np.float64]:
    """A random homography: rotated, shifted, slightly tilted, and filling most of the frame.

    Returns:
        float64 (3, 3), from canvas pixels to pixels of an image of ``size_hw``.
    """
    angle = _draw_angle(blank, rng)
    extent = _extent(blank, angle)
    room = np.array(size_hw[::-1]) / 2
    zoom = float(np.min(room / extent)) * rng.uniform(0.88, 0.97)
    shift = rng.uniform(-0.7, 0.7, 2) * (room - zoom * extent)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    pose = np.eye(3)
    pose[:2, :2] = turn
    pose[:2, 2] = shift - turn @ np.array([CENTRE, CENTRE])
    tilt = np.eye(3)
    tilt[2, :2] = rng.uniform(-2e-4, 2e-4, 2)
    middle = np.array([[1, 0, room[0]], [0, 1, room[1]], [0, 0, 1]])
    return np.asarray(middle @ tilt @ pose, np.float64)


def _draw_angle(blank: Blank, rng: np.random.Generator) -> float:
    if blank.is_round:
        return float(rng.uniform(-np.pi, np.pi))
    # An upright long part would fill little of a landscape frame.
    return float(rng.uniform(-0.22, 0.22) + np.pi * rng.integers(2))


def _extent(blank: Blank, angle: float) -> NDArray[np.float64]:
    """Half the width and half the height of the rotated part, canvas pixels."""
    if blank.is_round:
        return np.array(blank.half_wh)
    cos, sin = abs(np.cos(angle)), abs(np.sin(angle))
    return np.asarray(np.array([[cos, sin], [sin, cos]]) @ np.array(blank.half_wh))
