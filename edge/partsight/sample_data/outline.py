"""Looking for a place on a part: inner points, edge points, lines that stay on the metal.

Enters: a ``Part`` and a generator. Leaves: points in canvas pixels. Called by the defects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.noise import Field
from partsight.sample_data.part import CANVAS, Part
from partsight.utils.opencv import cv2

__all__ = ["Points", "best_ray", "depth_inside", "draw_contour", "draw_inner_point", "on_metal"]

Points = NDArray[np.float64]


def depth_inside(part: Part) -> Field:
    """Distance to the nearest edge, float32 (CANVAS, CANVAS), pixels; 0 off the metal."""
    solid = np.asarray(part.mask > 0.5, dtype=np.uint8)
    return np.asarray(cv2.distanceTransform(solid, cv2.DIST_L2, 3))


def draw_inner_point(depth: Field, share: float, rng: np.random.Generator) -> Points:
    """A point at least ``share`` of the greatest depth away from every edge: x, y."""
    coarse = depth[::4, ::4]
    rows, columns = np.nonzero(coarse >= share * coarse.max())
    choice = int(rng.integers(len(rows)))
    return np.array([columns[choice] * 4.0, rows[choice] * 4.0])


def draw_contour(part: Part, rng: np.random.Generator, outer: bool = False) -> Points:
    """An edge of the part, long ones more often: (N, 2) x, y, closed, begun at random.

    Args:
        part: the part.
        rng: the generator.
        outer: leave the holes out.
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
    """The angle, of a dozen, whose ray from ``start`` stays longest on the metal.

    Args:
        part: the part.
        start: x, y.
        reach: first and last distance that is looked at; negative lies behind ``start``.
        rng: the generator.
    """
    distances = np.linspace(*reach, 16)[:, None]
    angles = rng.uniform(0, 2 * np.pi) + np.arange(12) * (np.pi / 6)
    scores = [
        on_metal(part, start + distances * np.array([np.cos(angle), np.sin(angle)]))
        for angle in angles
    ]
    # Several are often alike; the first of a random fan is a fair draw.
    return float(angles[int(np.argmax(scores))])
