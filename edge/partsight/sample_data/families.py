"""Families of parts of random sizes: washers, flanges, turned discs, plates and brackets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from partsight.sample_data.noise import Field, chance
from partsight.sample_data.part import CANVAS, CENTRE, Blank, Hole, disc, polar, soft
from partsight.utils.opencv import cv2

__all__ = ["FAMILIES", "draw_blank"]


def draw_blank(rng: np.random.Generator) -> Blank:
    """Draw a blank of a random family; all families are equally likely."""
    return FAMILIES[int(rng.integers(len(FAMILIES)))](rng)


def _washer(rng: np.random.Generator) -> Blank:
    radius = rng.uniform(180, 205)
    bore = Hole(CENTRE, CENTRE, radius * rng.uniform(0.36, 0.5))
    return _round(radius, (bore,), _flat())


def _flange(rng: np.random.Generator) -> Blank:
    radius = rng.uniform(185, 207)
    bore = Hole(CENTRE, CENTRE, radius * rng.uniform(0.2, 0.3))
    bolts = _ring(rng, int(rng.integers(4, 7)), radius * 0.76, radius * rng.uniform(0.115, 0.135))
    hub = _step(radius * rng.uniform(0.46, 0.54), rng.uniform(5, 8))
    return _round(radius, (bore, *bolts), hub)


def _turned(rng: np.random.Generator) -> Blank:
    radius = rng.uniform(180, 205)
    bore = Hole(CENTRE, CENTRE, radius * rng.uniform(0.18, 0.25))
    relief = _step(radius * rng.uniform(0.72, 0.82), rng.uniform(4, 7))
    relief = relief - _step(radius * rng.uniform(0.5, 0.6), rng.uniform(3, 5))
    relief = relief + _step(radius * rng.uniform(0.3, 0.4), rng.uniform(3, 6))
    return _round(radius, (bore,), relief.astype(np.float32))


def _plate(rng: np.random.Generator) -> Blank:
    half_w, half_h = rng.uniform(190, 212), rng.uniform(125, 150)
    inset, radius = rng.uniform(42, 48), rng.uniform(23, 28)
    corners = [
        Hole(CENTRE + sx * (half_w - inset), CENTRE + sy * (half_h - inset), radius)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    middle = [Hole(CENTRE, CENTRE, rng.uniform(30, 55))] if chance(rng, 0.6) else []
    box = [(-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h)]
    outline = _polygon(box, rng.uniform(14, 30))
    return Blank(outline, (*corners, *middle), _flat(), (half_w, half_h), False)


def _bracket(rng: np.random.Generator) -> Blank:
    half_w, half_h = rng.uniform(195, 212), rng.uniform(140, 155)
    arm, radius = rng.uniform(132, 150), rng.uniform(24, 30)
    west, south = -half_w + arm, half_h - arm
    corner = [(-half_w, -half_h), (west, -half_h), (west, south), (half_w, south)]
    outline = _polygon([*corner, (half_w, half_h), (-half_w, half_h)], rng.uniform(12, 22))
    x, y = CENTRE - half_w + arm / 2, CENTRE + half_h - arm / 2
    reach = 2 * half_w - arm
    spots = [(x, y - 2 * half_h + arm), (x, y), (x + reach / 2, y), (x + reach, y)]
    holes = tuple(Hole(px, py, radius) for px, py in spots)
    rib = _empty()
    bend = (round(CENTRE + west - 8), round(CENTRE - half_h + 70))
    cv2.line(rib, bend, (bend[0], round(CENTRE + south + 8)), (255,), 9, cv2.LINE_AA)
    relief = (soft(rib, 2.5) * np.float32(7)).astype(np.float32)
    return Blank(outline, holes, relief, (half_w, half_h), False)


FAMILIES: tuple[Callable[[np.random.Generator], Blank], ...] = (
    _washer,
    _flange,
    _turned,
    _plate,
    _bracket,
)


def _round(radius: float, holes: tuple[Hole, ...], relief: Field) -> Blank:
    outline = _empty()
    disc(outline, Hole(CENTRE, CENTRE, radius), 255)
    return Blank(outline, holes, relief, (radius, radius), True)


def _ring(rng: np.random.Generator, count: int, orbit: float, radius: float) -> list[Hole]:
    angles = rng.uniform(0, np.pi) + np.arange(count) * (2 * np.pi / count)
    return [Hole(CENTRE + orbit * np.cos(a), CENTRE + orbit * np.sin(a), radius) for a in angles]


def _step(radius: float, height: float) -> Field:
    """A round shoulder: ``height`` within ``radius``, falling to 0 over 10 pixels."""
    return np.clip((radius - polar()[0]) / 10 + 0.5, 0, 1).astype(np.float32) * np.float32(height)


def _polygon(corners: list[tuple[float, float]], rounding: float) -> NDArray[np.uint8]:
    """A polygon around the centre, with all corners rounded by a blur."""
    outline = _empty()
    points = np.rint((np.array(corners) + CENTRE) * 16).astype(np.int32)
    cv2.fillPoly(outline, [points], (255,), cv2.LINE_AA, 4)
    # The blurred outline is one half at the straight edges and cuts the corners.
    blurred = soft(outline, rounding / 2)
    return np.clip((blurred - 0.5) * (255 * rounding / 2) + 127, 0, 255).astype(np.uint8)


def _empty() -> NDArray[np.uint8]:
    return np.zeros((CANVAS, CANVAS), np.uint8)


def _flat() -> Field:
    return np.zeros((CANVAS, CANVAS), np.float32)
