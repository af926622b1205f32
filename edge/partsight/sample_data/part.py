"""What a part is before it meets light: maps of its mask, height and reflectance.

Enters: an outline and its holes. Leaves: a ``Part``, seen straight from above on a square
canvas of ``CANVAS`` pixels. The families make one, finish and defects change it, the scene
photographs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.noise import Field, plane
from partsight.utils.opencv import cv2

__all__ = ["CANVAS", "CENTRE", "Blank", "Hole", "Part", "disc", "grid", "machine", "polar", "soft"]

CANVAS = 448
CENTRE = CANVAS / 2
# OpenCV draws at fractions of a pixel where coordinates carry this many binary places.
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Hole:
    """A punched hole: centre and radius in canvas pixels."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Blank:
    """A part as designed.

    Attributes:
        outline: uint8 (CANVAS, CANVAS), 255 inside the outer contour.
        holes: what is punched out of it.
        relief: float32 (CANVAS, CANVAS), pixels above the flat sheet.
        half_wh: half its width and half its height, canvas pixels.
        is_round: turned on a lathe, so that its tool marks are circles.
    """

    outline: NDArray[np.uint8]
    holes: tuple[Hole, ...]
    relief: Field
    half_wh: tuple[float, float]
    is_round: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part as made; all maps float32 (CANVAS, CANVAS).

    Attributes:
        mask: 0 where one looks past or through it, 1 on it.
        height: pixels towards the camera.
        albedo: reflectance, 1 for the bare metal.
        blank: what it should have been.
    """

    mask: Field
    height: Field
    albedo: Field
    blank: Blank


def disc(image: NDArray[np.uint8], hole: Hole, value: int) -> None:
    """Fill a circle of ``image`` (uint8, changed in place) at fractions of a pixel."""
    scale = 1 << _SHIFT
    centre = (round(hole.x * scale), round(hole.y * scale))
    radius = round(hole.radius * scale)
    cv2.circle(image, centre, radius, (value,), -1, cv2.LINE_AA, _SHIFT)


def soft(image: NDArray[np.uint8], sigma: float) -> Field:
    """A drawing as a smooth field: uint8 0 to 255 in, float32 0 to 1 out."""
    field = image.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma))


def machine(blank: Blank, chamfer_px: float) -> Part:
    """Punch the holes and break the edges.

    Args:
        blank: the part as designed.
        chamfer_px: width of the bevel along every edge.
    """
    sheet = blank.outline.copy()
    for hole in blank.holes:
        disc(sheet, hole, 0)
    solid = np.asarray(sheet > 127, dtype=np.uint8)
    inward = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    bevel = cv2.GaussianBlur(np.minimum(inward, chamfer_px), (0, 0), 1.3)
    height = (bevel * np.float32(0.9) + blank.relief).astype(np.float32)
    mask = sheet.astype(np.float32) * np.float32(1 / 255)
    return Part(mask, height, np.ones_like(height), blank)


@cache
def grid() -> tuple[Field, Field]:
    """x and y of every canvas pixel, float32 (CANVAS, CANVAS) each, read-only."""
    x, y = plane((CANVAS, CANVAS))
    fields = (x * (CANVAS / 2) + CENTRE, y * (CANVAS / 2) + CENTRE)
    for field in fields:
        field.flags.writeable = False
    return fields


@cache
def polar() -> tuple[Field, Field]:
    """Radius (pixels) and angle (radians) of every canvas pixel about the centre, read-only."""
    x, y = plane((CANVAS, CANVAS))
    radius = (np.hypot(x, y) * (CANVAS / 2)).astype(np.float32)
    angle = np.arctan2(y, x).astype(np.float32)
    for field in (radius, angle):
        field.flags.writeable = False
    return radius, angle
