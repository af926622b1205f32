"""Line-shaped defects: scratches and cracks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.noise import chance
from partsight.sample_data.outline import (
    Points,
    best_ray,
    depth_inside,
    draw_contour,
    draw_inner_point,
)
from partsight.sample_data.part import CANVAS, Part, soft
from partsight.utils.opencv import cv2

__all__ = ["crack", "scratch"]


def scratch(part: Part, rng: np.random.Generator) -> Part:
    """Scratches with raised sides: four to seven strokes that cross."""
    middle = draw_inner_point(depth_inside(part), 0.35, rng)
    length = rng.uniform(260, 380)
    angle = best_ray(part, middle, (-length / 2, length / 2), rng)
    drawing = np.zeros((CANVAS, CANVAS), np.uint8)
    for _ in range(int(rng.integers(4, 8))):
        stroke = _arc(
            middle + rng.uniform(-34, 34, 2),
            angle + rng.normal(0, 0.22),
            length * rng.uniform(0.8, 1),
            rng,
        )
        _stroke(drawing, stroke, int(rng.integers(5, 9)))
    groove = soft(drawing, 0.9)
    sides = cv2.GaussianBlur(groove, (0, 0), 3.0) - groove * np.float32(0.5)
    height = part.height - groove * np.float32(7) + sides * np.float32(7)
    # Freshly cut metal is bright; an old scratch is filled with dirt.
    gain = rng.uniform(0.6, 1.0) if chance(rng, 0.5) else -rng.uniform(0.65, 0.85)
    albedo = part.albedo * (1 + groove * np.float32(gain))
    return replace(part, height=height, albedo=albedo)


def crack(part: Part, rng: np.random.Generator) -> Part:
    """A dark jagged line from an edge into the metal, tapering, with branches."""
    start = draw_contour(part, rng)[0]
    length = rng.uniform(190, 300)
    angle = best_ray(part, start, (6, length), rng)
    drawing = np.zeros((CANVAS, CANVAS), np.uint8)
    trunk = _jagged(start, angle, length, rng)
    _taper(drawing, trunk, rng.uniform(11, 15))
    for _ in range(int(rng.integers(2, 5))):
        joint = trunk[int(rng.integers(2, len(trunk) - 2))]
        turn = rng.uniform(0.5, 0.9) * rng.choice([-1, 1])
        _taper(drawing, _jagged(joint, angle + turn, length * 0.5, rng), rng.uniform(6, 8))
    gap = soft(drawing, 0.8)
    height = part.height - gap * np.float32(4)
    return replace(part, height=height, albedo=part.albedo * (1 - gap * np.float32(0.92)))


def _arc(middle: Points, angle: float, length: float, rng: np.random.Generator) -> Points:
    """A slightly curved line through ``middle``: (16, 2)."""
    along = np.linspace(-length / 2, length / 2, 16)
    across = rng.uniform(-0.12, 0.12) * (along**2 / length) + rng.normal(0, 0.5, 16)
    cos, sin = np.cos(angle), np.sin(angle)
    moves = np.stack([along * cos - across * sin, along * sin + across * cos], 1)
    return np.asarray(middle + moves)


def _jagged(start: Points, angle: float, length: float, rng: np.random.Generator) -> Points:
    """A jagged line of short steps around one direction, (N, 2), N at least 5."""
    steps = rng.uniform(7, 16, max(5, int(length / 11)))
    angles = angle + rng.normal(0, 0.55, len(steps))
    moves = steps[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return np.asarray(start + np.cumsum(np.concatenate([np.zeros((1, 2)), moves]), 0))


def _stroke(drawing: NDArray[np.uint8], points: Points, width: int) -> None:
    path = np.rint(points * 16).astype(np.int32)
    cv2.polylines(drawing, [path], False, (255,), width, cv2.LINE_AA, 4)


def _taper(drawing: NDArray[np.uint8], points: Points, width: float) -> None:
    """Draw a line that starts at ``width`` and ends at 2 pixels."""
    for i, pair in enumerate(zip(points[:-1], points[1:], strict=True)):
        share = i / (len(points) - 1)
        _stroke(drawing, np.array(pair), max(2, round(width * (1 - share))))
