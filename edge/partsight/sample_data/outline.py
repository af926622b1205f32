"""Finds positions for defects: inner points, edge points, lines that stay on the metal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.noise import Field
from partsight.sample_data.part import CANVAS, Part
from partsight.utils.opencv import cv2

__all__ = ["Points", "best_ray", "depth_inside", "draw_contour", "draw_inner_point", "on_metal"]

Points = NDArray[np.float64]


def depth_inside(part: Part) -> Field:
    """Distance to the nearest edge, float32 (CANVAS, CANVAS), pixels; 0 outside the metal."""
    solid = np.asarray(part.mask > 0.5, dtype=np.uint8)
    return np.asarray(cv2.distanceTransform(solid, cv2.DIST_L2, 3))


def draw_inner_point(depth: Field, share: float, rng: np.random.Generator) -> Points:
    """A random point (x, y) whose distance to every edge is at least ``share`` of the maximum."""
    coarse = depth[::4, ::4]
    rows, columns = np.nonzero(coarse >= share * coarse.max())
    choice = int(rng.integers(len(rows)))
    return np.array([columns[choice] * 4.0, rows[choice] * 4.0])


def draw_contour(part: Part, rng: np.random.Generator, outer: bool = False) -> Points:
    """A random edge of the part: (N, 2) x, y, closed, with a random start.

    The probability of an edge is proportional to its length.

    Args:
        part: the part.
        rng: random generator.
        outer: whether the edges of holes are left out.
    """
    solid = np.asarray(part.mask > 0.5, dtype=np.uint8)
    mode = cv2.RETR_EXTERNAL if outer else cv2.RETR_LIST
    found, _ = cv2.findContours(solid, mode, cv2.CHAIN_APPROX_NONE)
    lengths = np.array([len(contour) for contour in found], np.float64)
    contour = found[int(rng.choice(len(found), p=lengths / lengths.sum()))][:, 0, :]
    return np.roll(contour, int(rng.integers(len(contour))), axis=0).astype(np.float64)


def on_metal(part: Part, points: Points) -> float:
    """Share of ``points`` that lie on the metal, 0 to 1."""
    spots = np.rint(points).astype(np.intp)
    inside = np.all((spots >= 0) & (spots < CANVAS), axis=1)
    spots = spots[inside]
    return float(np.count_nonzero(part.mask[spots[:, 1], spots[:, 0]] > 0.5) / len(points))


def best_ray(
    part: Part, start: Points, reach: tuple[float, float], rng: np.random.Generator
) -> float:
    """The angle, of twelve, whose ray from ``start`` has the largest share on the metal.

    Args:
        part: the part.
        start: x, y.
        reach: range of distances from ``start``; negative ones are in the opposite direction.
        rng: random generator.
    """
    distances = np.linspace(*reach, 16)[:, None]
    angles = rng.uniform(0, 2 * np.pi) + np.arange(12) * (np.pi / 6)
    scores = [
        on_metal(part, start + distances * np.array([np.cos(angle), np.sin(angle)]))
        for angle in angles
    ]
    # Several are often equal; the first of randomly rotated angles is a fair choice.
    return float(angles[int(np.argmax(scores))])
