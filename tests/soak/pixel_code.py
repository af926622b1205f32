"""Images of parts that carry the part's number in their pixels.

32 fields of 16 x 16 pixels, black or white: 24 bits of the number and 8 of its checksum, which
survive JPEG. The rest is grain that differs from part to part, and a field that differs from frame
to frame: a camera never sends the same bytes twice.
"""

from __future__ import annotations

import functools
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["image_of", "number_in", "number_of", "part_id"]

_FIELD, _COLUMNS, _BITS = 16, 16, 32
_HEIGHT, _WIDTH, _TOP, _LEFT = 192, 288, 16, 16
_LOW, _HIGH = 40, 215
# Farther from both levels than this, a field is not part of a code.
_TOLERANCE = 50


def part_id(number: int) -> str:
    """Return the id of a part."""
    return f"SOAK-{number:06d}"


def number_of(part: str) -> int | None:
    """Return the number of a part's id; None if it is none."""
    head, _, digits = part.partition("-")
    return int(digits) if head == "SOAK" and digits.isdigit() else None


def image_of(number: int, frame: int = 0) -> NDArray[np.uint8]:
    """Return uint8 (192, 288, 3) BGR of a part."""
    image = _part(number).copy()
    image[-_FIELD:, -_FIELD:] = np.random.default_rng(frame).integers(60, 200, 3, np.uint8)
    return image


@functools.lru_cache(maxsize=4)
def _part(number: int) -> NDArray[np.uint8]:
    grain = np.random.default_rng(number).integers(60, 200, (24, 36, 3), np.uint8)
    image = cv2.resize(grain, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_NEAREST)
    for place, bit in enumerate(_bits(number)):
        top, left = _corner(place)
        image[top : top + _FIELD, left : left + _FIELD] = _HIGH if bit else _LOW
    return np.asarray(image, np.uint8)


def number_in(image_bgr: NDArray[np.uint8] | None) -> int | None:
    """Return the number in an image; None if there is none, or the image is damaged."""
    if image_bgr is None or image_bgr.shape != (_HEIGHT, _WIDTH, 3):
        return None
    word = 0
    for place in range(_BITS):
        top, left = _corner(place)
        mean = float(image_bgr[top + 4 : top + 12, left + 4 : left + 12].mean())
        if min(abs(mean - _LOW), abs(mean - _HIGH)) > _TOLERANCE:
            return None
        word = word << 1 | (mean > (_LOW + _HIGH) / 2)
    number = word >> 8
    return number if _check(number) == word & 0xFF else None


def _corner(place: int) -> tuple[int, int]:
    return _TOP + place // _COLUMNS * 2 * _FIELD, _LEFT + place % _COLUMNS * _FIELD


def _bits(number: int) -> list[int]:
    word = number << 8 | _check(number)
    return [word >> (_BITS - 1 - place) & 1 for place in range(_BITS)]


def _check(number: int) -> int:
    return zlib.crc32(number.to_bytes(3, "big")) & 0xFF
