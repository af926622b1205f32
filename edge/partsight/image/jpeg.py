"""Finds the end of a JPEG by its segments, because an embedded thumbnail has its own end marker."""

from __future__ import annotations

import re

__all__ = ["JPEG_START", "jpeg_end", "jpeg_size_wh"]

JPEG_START = b"\xff\xd8"
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a segment: restarts, and the one of arithmetic coding.
_BARE = frozenset((0x01, *range(0xD0, 0xD8)))
_FILL = b"\0\xff"
# In coded data, 0xFF is followed by zero, fill or a restart; otherwise it starts a marker.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


def jpeg_end(data: bytes) -> int | None:
    """The length in bytes of the JPEG at the start of ``data``, including its end marker.

    Bytes after it (fill, metadata, a second image, more of a stream) do not count. None if the
    data does not begin with a JPEG or ends before its end marker.
    """
    if not data.startswith(JPEG_START):
        return None
    place, seen, coded = len(JPEG_START), set[int](), False
    while found := _MARKER.search(data, place):
        if not coded and data[place : found.start()].strip(_FILL):
            return None  # a segment is shorter than declared: the file was truncated
        marker, place = data[found.end() - 1], found.end()
        if marker == _END:
            return place if _SCAN in seen and seen & _FRAMES else None
        if marker == _START or (marker in _FRAMES and seen & _FRAMES):
            return None  # another image begins: this one was truncated
        if marker in _BARE:
            continue
        seen.add(marker)
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2:
            return None
        place += length
        coded = marker == _SCAN
    return None


def jpeg_size_wh(data: bytes) -> tuple[int, int]:
    """Width and height of a complete JPEG, see ``jpeg_end``, from the segment of its frame.

    Raises:
        ValueError: it has none.
    """
    place = len(JPEG_START)
    while found := _MARKER.search(data, place):
        marker, place = data[found.end() - 1], found.end()
        if marker in _FRAMES:  # length, bits per sample, height, width
            return (
                int.from_bytes(data[place + 5 : place + 7], "big"),
                int.from_bytes(data[place + 3 : place + 5], "big"),
            )
        if marker not in _BARE:
            place += int.from_bytes(data[place : place + 2], "big")
    raise ValueError("a JPEG without a frame")
