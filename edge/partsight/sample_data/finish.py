"""Surface of every part: brushing, sheen, stains, dust and tool marks.

Healthy and defected parts get the same kinds of surface, so that a defect is not the only texture.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from partsight.sample_data.noise import Field, chance, clouds, streaks
from partsight.sample_data.part import CANVAS, Part, polar
from partsight.utils.opencv import cv2

__all__ = ["finish"]

_SIZE = (CANVAS, CANVAS)


def finish(part: Part, rng: np.random.Generator) -> Part:
    """Add a surface to the part: a grain, patches of tarnish, a few stains and specks."""
    turned = part.blank.is_round and chance(rng, 0.7)
    lines = _circular(rng) if turned else _straight(rng)
    albedo = 1 + lines * rng.uniform(0.02, 0.07)
    if turned:
        albedo *= 1 + _bow_tie(rng)
    albedo += clouds(rng, _SIZE, int(rng.integers(2, 7))) * rng.uniform(0.01, 0.06)
    albedo *= _stains(rng) * _specks(rng)
    height = part.height + lines * rng.uniform(0.03, 0.1)
    return replace(part, albedo=albedo.astype(np.float32), height=height.astype(np.float32))


def _straight(rng: np.random.Generator) -> Field:
    lines = streaks(rng, _SIZE, int(rng.integers(24, 120)))
    return lines if chance(rng, 0.5) else np.ascontiguousarray(lines.T)


def _circular(rng: np.random.Generator) -> Field:
    """Lathe marks: streaks around the centre, one row per radius."""
    lines = streaks(rng, (CANVAS, 64), int(rng.integers(8, 32)))
    radius, angle = polar()
    column = (angle + np.float32(np.pi)) * np.float32(63 / (2 * np.pi))
    return np.asarray(cv2.remap(lines, column, radius, cv2.INTER_LINEAR))


def _bow_tie(rng: np.random.Generator) -> Field:
    """The two bright fans of circular grain under one lamp."""
    _, angle = polar()
    fan = np.cos(angle - np.float32(rng.uniform(0, np.pi))) ** 2
    return np.asarray((fan**3 - np.float32(0.3)) * np.float32(rng.uniform(0.1, 0.45)))


def _stains(rng: np.random.Generator) -> Field:
    """Faint dried drops: round, soft, at most a fifth darker."""
    stains = np.ones((CANVAS // 2, CANVAS // 2), np.float32)
    for _ in range(int(rng.integers(0, 4))):
        x, y = (int(v) for v in rng.integers(30, CANVAS // 2 - 30, 2))
        shade = float(rng.uniform(0.82, 0.95))
        axes = (int(rng.integers(4, 14)), int(rng.integers(4, 14)))
        cv2.ellipse(stains, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, (shade,), -1)
    blurred = cv2.GaussianBlur(stains, (0, 0), 2.5)
    return np.asarray(cv2.resize(blurred, _SIZE, interpolation=cv2.INTER_LINEAR))


def _specks(rng: np.random.Generator) -> Field:
    """Dust, and short fine handling marks, which are harmless."""
    specks = np.ones(_SIZE, np.float32)
    for _ in range(int(rng.integers(0, 14))):
        x, y = (int(v) for v in rng.integers(20, CANVAS - 20, 2))
        cv2.circle(specks, (x, y), 1, (float(rng.uniform(0.6, 1.25)),), -1, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):
        start = rng.uniform(60, CANVAS - 60, 2)
        end = start + rng.uniform(-22, 22, 2)
        ends = [tuple(int(v) for v in point) for point in (start, end)]
        cv2.line(specks, ends[0], ends[1], (float(rng.uniform(0.85, 1.12)),), 1, cv2.LINE_AA)
    return specks
