"""Limits on the memory and time for decoding an image, checked before its pixels are read."""

from __future__ import annotations

import itertools
import re

from partsight.errors import ImageError
from partsight.utils.limits import MAX_PIXELS

__all__ = ["count_scans", "refuse_bomb"]

_ALLOWED = f"at most {MAX_PIXELS // 10**6} million allowed"

# Each scan of a progressive JPEG is a pass over all blocks, 0.1 s for 1,000 million pixels, and
# takes as little as 10 bytes of the file. Encoders write about 10 scans; the largest image may
# have 30.
_MAX_SCANNED = 30 * MAX_PIXELS

# In coded data, 0xFF is followed by zero, fill or a restart; anything else ends the data.
_END_OF_CODED = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# Three times as fast as bytes.count.
_SCAN_BYTES = re.compile(rb"\xff\xda")
_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"


def refuse_bomb(
    file_format: str | None, size_wh: tuple[int, int], tile_wh: tuple[int, int], data: bytes
) -> None:
    """Refuse an image whose decoding would take too much memory or time.

    Args:
        file_format: Pillow's name.
        size_wh: width and height of the image, pixels.
        tile_wh: width and height of its tiles, or zeros; each tile is decoded as a whole.
        data: the bytes of the file.

    Raises:
        ImageError: the image exceeds a limit.
    """
    width, height = size_wh
    if width * height > MAX_PIXELS:
        raise ImageError(f"too large: {width} x {height} pixels, {_ALLOWED}")
    if tile_wh[0] * tile_wh[1] > MAX_PIXELS:
        raise ImageError(f"too large: tiles of {tile_wh[0]} x {tile_wh[1]} pixels, {_ALLOWED}")
    most = _MAX_SCANNED // (width * height)
    suspect = file_format in ("JPEG", "MPO") and _looks_like_more_scans(most, data)
    if suspect and count_scans(data, most + 1) > most:
        raise ImageError(f"too large: {width} x {height} pixels in more than {most} scans")


def count_scans(data: bytes, most: int) -> int:
    """The number of scans of a JPEG, without those of a thumbnail, at most ``most``."""
    scans, place = 0, 2
    while scans < most and 0 <= (place := data.find(b"\xff", place)) < len(data) - 3:
        marker = data[place : place + 2]
        if marker == _END_OF_IMAGE:
            break
        if not marker[1] or marker[1] == 0xFF or 0xD0 <= marker[1] <= 0xD8:
            place += 1
            continue
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == _SCAN:
            scans += 1
            coded = _END_OF_CODED.search(data, place)
            place = coded.start() if coded else len(data)
    return scans


def _looks_like_more_scans(most: int, data: bytes) -> bool:
    """A fast check that may be wrong, as data after the end of a JPEG can contain the marker."""
    return sum(1 for _ in itertools.islice(_SCAN_BYTES.finditer(data), most + 1)) > most
