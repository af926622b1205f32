"""Where a JPEG ends, by its segments: a thumbnail inside one has an end marker of its own."""

from __future__ import annotations

import re

__all__ = ["JPEG_START", "jpeg_end"]

JPEG_START = b"\xff\xd8"
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a segment: restarts, and one for arithmetic coding.
_BARE = frozenset((0x01, *range(0xD0, 0xD8)))
_FILL = b"\0\xff"
# In coded data 0xFF comes before zero, fill or a restart; before anything else it is a marker.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


def jpeg_end(data: bytes) -> int | None:
    """The number of bytes up to and with the end marker of the JPEG that ``data`` begins with.

    What follows (fill, metadata, a second picture, the next part of a stream) does not belong to
    the picture. None where the data does not begin with a JPEG, or ends before its end marker.
    """
    if not data.startswith(JPEG_START):
        return None
    place, seen, coded = len(JPEG_START), set[int](), False
    while found := _MARKER.search(data, place):
        if not coded and data[place : found.start()].strip(_FILL):
            return None  # a segment that does not end where it says: it was cut off
        marker, place = data[found.end() - 1], found.end()
        if marker == _END:
            return place if _SCAN in seen and seen & _FRAMES else None
        if marker == _START or (marker in _FRAMES and seen & _FRAMES):
            return None  # another picture begins, so that this one was cut off
        if marker in _BARE:
            continue
        seen.add(marker)
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2:
            return None
        place += length
        coded = marker == _SCAN
    return None
