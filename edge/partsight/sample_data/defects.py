"""Manufacturing defects, as changes of a part's maps.

Defects change height, mask and reflectance instead of pixels, so that they react to light like the
metal around them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.lines import crack, scratch
from partsight.sample_data.noise import Field, chance, clouds
from partsight.sample_data.outline import Points, depth_inside, draw_contour, draw_inner_point
from partsight.sample_data.part import CANVAS, Hole, Part, disc, grid, soft
from partsight.utils.opencv import cv2

__all__ = ["KINDS", "damage"]

_SIZE = (CANVAS, CANVAS)


def damage(part: Part, kind: str, rng: np.random.Generator) -> Part:
    """Add a defect to the part, and to one part in six a second one of another kind.

    Args:
        part: a good part.
        kind: of the first defect, one of ``KINDS``.
        rng: random generator.
    """
    part = _MAKERS[kind](part, rng)
    if chance(rng, 1 / 6):
        others = [other for other in KINDS if other != kind]
        part = _MAKERS[others[int(rng.integers(len(others)))]](part, rng)
    return part


def _dents(part: Part, rng: np.random.Generator) -> Part:
    """Two to four dents: bowls with a raised rim, scuffed inside."""
    depth = depth_inside(part)
    for _ in range(int(rng.integers(2, 5))):
        spot = draw_inner_point(depth, 0.6, rng)
        part = _dent(part, spot, depth, rng)
        # The next dent is elsewhere.
        cv2.circle(depth, (int(spot[0]), int(spot[1])), 90, (0.0,), -1)
    return part


def _dent(part: Part, spot: Points, depth: Field, rng: np.random.Generator) -> Part:
    x, y = spot
    radius = float(np.clip(depth[int(y), int(x)] * rng.uniform(0.9, 1.2), 32, 56))
    columns, rows = grid()
    turn, aspect = rng.uniform(0, np.pi), np.float32(rng.uniform(0.7, 1.0))
    cos, sin = np.float32(np.cos(turn) / radius), np.float32(np.sin(turn) / radius)
    along = (columns - np.float32(x)) * cos + (rows - np.float32(y)) * sin
    across = ((rows - np.float32(y)) * cos - (columns - np.float32(x)) * sin) / aspect
    square = along * along + across * across
    rim = cv2.exp(np.float32(-7) * (square - np.float32(1.2)) ** 2)
    bowl = cv2.exp(np.float32(-2.4) * square) - np.float32(0.22) * rim
    height = part.height - bowl * np.float32(radius * rng.uniform(0.6, 0.8))
    scuff = 1 - cv2.exp(np.float32(-1.5) * square) * np.float32(rng.uniform(0.25, 0.45))
    return replace(part, height=height, albedo=part.albedo * scuff)


def _burr(part: Part, rng: np.random.Generator) -> Part:
    """Torn metal along an edge: ragged teeth beyond it, and a bright rolled lip."""
    edge = draw_contour(part, rng, outer=True)[: int(rng.uniform(450, 800))]
    spots = edge[:: max(4, int(rng.integers(4, 9)))]
    ends = spots + _outward(part, spots) * _tooth_lengths(len(spots), rng)[:, None]
    torn = np.zeros(_SIZE, np.uint8)
    for a, b, tip in zip(spots[:-1], spots[1:], ends[:-1], strict=True):
        tooth = np.rint(np.array([a - (tip - a) * 0.3, tip, b]) * 16).astype(np.int32)
        cv2.fillPoly(torn, [tooth], (255,), cv2.LINE_AA, 4)
    lip = torn.copy()
    path = np.rint(spots * 16).astype(np.int32)
    cv2.polylines(lip, [path], False, (255,), int(rng.integers(5, 9)), cv2.LINE_AA, 4)
    ragged = soft(lip, 1.2) * (1 + np.float32(0.5) * clouds(rng, _SIZE, 60))
    mask = np.maximum(part.mask, torn.astype(np.float32) * np.float32(1 / 255))
    height = part.height + ragged * np.float32(rng.uniform(6, 10))
    albedo = part.albedo * (1 + ragged * np.float32(rng.uniform(0.1, 0.4)))
    return replace(part, mask=mask, height=height, albedo=albedo)


def _outward(part: Part, spots: Points) -> Points:
    """Unit vectors that point away from the metal, (N, 2): down the slope of the blurred mask."""
    smooth = cv2.GaussianBlur(part.mask, (0, 0), 4)
    columns, rows = np.clip(np.rint(spots).astype(np.intp), 1, CANVAS - 2).T
    slope_x = smooth[rows, columns - 1] - smooth[rows, columns + 1]
    slope_y = smooth[rows - 1, columns] - smooth[rows + 1, columns]
    slope = np.stack([slope_x, slope_y], 1).astype(np.float64)
    return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-6))


def _tooth_lengths(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Lengths of the teeth, pixels: random, and shorter at both ends."""
    swell = np.sin(np.linspace(0.25, np.pi - 0.25, count))
    return np.asarray(swell * rng.uniform(10, 34, count))


def _missing_holes(part: Part, rng: np.random.Generator) -> Part:
    """Up to five holes that a broken punch did not open."""
    holes = part.blank.holes
    count = min(len(holes), int(rng.integers(3, 6)))
    for choice in rng.permutation(len(holes))[:count]:
        part = _plug(part, holes[int(choice)], rng)
    return part


def _plug(part: Part, hole: Hole, rng: np.random.Generator) -> Part:
    """A hole still filled by its slug: low and torn, with a dark seam and a rough collar."""
    plug, inner = np.zeros(_SIZE, np.uint8), np.zeros(_SIZE, np.uint8)
    disc(plug, replace(hole, radius=hole.radius + 1), 255)
    disc(inner, replace(hole, radius=hole.radius - 4), 255)
    body, seat = soft(inner, 1.5), soft(plug, 1.5)
    collar = np.zeros(_SIZE, np.uint8)
    disc(collar, replace(hole, radius=hole.radius * rng.uniform(1.25, 1.45)), 255)
    scar = soft(collar, 2.5) * np.maximum(part.mask, seat)
    rough = clouds(rng, _SIZE, 70) * np.float32(rng.uniform(2, 3.5))
    columns, rows = grid()
    tilt_x, tilt_y = rng.uniform(-0.15, 0.15, 2).astype(np.float32)
    slug = (columns - np.float32(hole.x)) * tilt_x + (rows - np.float32(hole.y)) * tilt_y
    height = part.height + body * (slug + np.float32(rng.uniform(4, 8))) + scar * rough
    mask = np.maximum(part.mask, plug.astype(np.float32) * np.float32(1 / 255))
    dark = (seat - body) * np.float32(0.9) + body * np.float32(rng.uniform(0.1, 0.4))
    return replace(part, mask=mask, height=height, albedo=part.albedo * (1 - dark))


_MAKERS: dict[str, Callable[[Part, np.random.Generator], Part]] = {
    "burr": _burr,
    "crack": crack,
    "dent": _dents,
    "missing_hole": _missing_holes,
    "scratch": scratch,
}
KINDS = tuple(_MAKERS)
