"""Maps of a part's mask, height and reflectance, seen from above on a square canvas."""

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
# Number of fractional bits of coordinates for OpenCV's drawing functions.
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
        holes: the punched holes.
        relief: float32 (CANVAS, CANVAS), height above the flat sheet in pixels.
        half_wh: half the width and half the height, canvas pixels.
        is_round: whether it is turned on a lathe, with circular tool marks.
    """

    outline: NDArray[np.uint8]
    holes: tuple[Hole, ...]
    relief: Field
    half_wh: tuple[float, float]
    is_round: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A manufactured part; all maps are float32 (CANVAS, CANVAS).

    Attributes:
        mask: 1 on the part, 0 elsewhere and in holes.
        height: towards the camera, pixels.
        albedo: reflectance, 1 for bare metal.
        blank: its design.
    """

    mask: Field
    height: Field
    albedo: Field
    blank: Blank


def disc(image: NDArray[np.uint8], hole: Hole, value: int) -> None:
    """Fill a circle of ``image`` (uint8, changed in place) with subpixel accuracy."""
    scale = 1 << _SHIFT
    centre = (round(hole.x * scale), round(hole.y * scale))
    radius = round(hole.radius * scale)
    cv2.circle(image, centre, radius, (value,), -1, cv2.LINE_AA, _SHIFT)


def soft(image: NDArray[np.uint8], sigma: float) -> Field:
    """Convert a drawing, uint8 0 to 255, to a blurred field, float32 0 to 1."""
    field = image.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma))


def machine(blank: Blank, chamfer_px: float) -> Part:
    """Punch the holes and bevel the edges.

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
    """Radius (pixels) and angle (radians) of every canvas pixel around the centre, read-only."""
    x, y = plane((CANVAS, CANVAS))
    radius = (np.hypot(x, y) * (CANVAS / 2)).astype(np.float32)
    angle = np.arctan2(y, x).astype(np.float32)
    for field in (radius, angle):
        field.flags.writeable = False
    return radius, angle
