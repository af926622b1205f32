"""Backgrounds under the part: conveyor, brushed table, cloth, cutting mat, cardboard, paint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from partsight.sample_data.noise import Field, clouds, grain, plane, streaks
from partsight.utils.opencv import cv2

__all__ = ["BACKGROUNDS", "draw_background"]

_Size: TypeAlias = tuple[int, int]
_Ground: TypeAlias = tuple[Field, tuple[float, ...]]


def draw_background(rng: np.random.Generator, size_hw: _Size) -> _Ground:
    """Draw a random background; all kinds are equally likely.

    Returns:
        Its brightness, float32 (H, W) around 1, and its colour: blue, green, red, 0 to 1.
    """
    kind = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
    texture, colour = kind(rng, size_hw)
    # The camera is focused on the part, so that the background is slightly blurred.
    texture = np.asarray(cv2.GaussianBlur(texture, (0, 0), rng.uniform(0.9, 1.8)))
    texture *= 1 + clouds(rng, size_hw, int(rng.integers(3, 8))) * np.float32(0.05)
    tint = rng.uniform(0.85, 1.2) * rng.uniform(0.94, 1.06, 3)
    return texture, tuple(float(c * t) for c, t in zip(colour, tint, strict=True))


def _conveyor(rng: np.random.Generator, size_hw: _Size) -> _Ground:
    """Ribbed rubber."""
    along = _along(rng, size_hw, jitter=0.1)
    ribs = np.sin(along * np.float32(rng.uniform(35, 70))) * np.float32(rng.uniform(0.08, 0.2))
    return 1 + ribs + grain(rng, size_hw) * np.float32(0.06), (0.17, 0.18, 0.17)


def _table(rng: np.random.Generator, size_hw: _Size) -> _Ground:
    """Brushed steel."""
    lines = streaks(rng, size_hw, int(rng.integers(60, 160)))
    return 1 + lines * np.float32(rng.uniform(0.04, 0.09)), (0.4, 0.39, 0.37)


def _cloth(rng: np.random.Generator, size_hw: _Size) -> _Ground:
    """Dark woven cloth with soft folds."""
    x, y = plane(size_hw)
    pitch = np.float32(rng.uniform(230, 330))
    weave = np.sin(x * pitch) * np.sin(y * pitch) * np.float32(0.18)
    folds = clouds(rng, size_hw, 3) * np.float32(0.16)
    return 1 + weave + folds + grain(rng, size_hw) * np.float32(0.07), (0.2, 0.14, 0.12)


def _mat(rng: np.random.Generator, size_hw: _Size) -> _Ground:
    """A cutting mat with its printed grid."""
    texture = 1 + grain(rng, size_hw) * np.float32(0.05)
    step, (x0, y0) = int(rng.integers(26, 44)), rng.integers(0, 26, 2)
    texture[int(y0) :: step] += np.float32(0.3)
    texture[:, int(x0) :: step] += np.float32(0.3)
    colours = ((0.3, 0.32, 0.12), (0.38, 0.24, 0.13), (0.22, 0.22, 0.22))
    return texture, colours[int(rng.integers(len(colours)))]


def _cardboard(rng: np.random.Generator, size_hw: _Size) -> _Ground:
    """Brown board with visible flutes."""
    flutes = np.sin(_along(rng, size_hw, jitter=0.05) * np.float32(90)) * np.float32(0.03)
    fibres = streaks(rng, size_hw, 8) * np.float32(0.04)
    return 1 + flutes + fibres, (0.27, 0.38, 0.47)


def _paint(rng: np.random.Generator, size_hw: _Size) -> _Ground:
    """Speckled bench paint."""
    speckle = cv2.GaussianBlur(grain(rng, size_hw), (0, 0), 1.0) * np.float32(0.16)
    colours = ((0.33, 0.35, 0.34), (0.36, 0.4, 0.32), (0.28, 0.29, 0.33))
    return 1 + speckle, colours[int(rng.integers(len(colours)))]


BACKGROUNDS: tuple[Callable[[np.random.Generator, _Size], _Ground], ...] = (
    _conveyor,
    _table,
    _cloth,
    _mat,
    _cardboard,
    _paint,
)


def _along(rng: np.random.Generator, size_hw: _Size, jitter: float) -> Field:
    """Position along a slightly rotated x or y axis."""
    x, y = plane(size_hw)
    angle = rng.integers(2) * np.pi / 2 + rng.uniform(-jitter, jitter)
    return np.asarray(x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)))
