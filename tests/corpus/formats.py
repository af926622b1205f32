"""Headers that no encoder writes: PNG, BMP, GIF and TIFF."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Tag", "ascii_tag", "bmp", "chunk", "gif", "longs", "png", "rational", "shorts", "tiff"]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk with a right checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    size_wh: tuple[int, int], kind: tuple[int, int], compressed: bytes, extra: bytes = b""
) -> bytes:
    """A PNG of a bit depth and colour type, with chunks before its pixels."""
    header = struct.pack(">IIBBBBB", *size_wh, *kind, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), extra, chunk(b"IDAT", compressed), chunk(b"IEND", b""))
    return _PNG_SIGNATURE + b"".join(chunks)


def bmp(size_wh: tuple[int, int], bits: int, pixels: bytes, *, compression: int = 0) -> bytes:
    """A BMP with the header of Windows 3."""
    info = struct.pack("<IiiHHIIiiII", 40, *size_wh, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + info + pixels


def gif(size_wh: tuple[int, int], frame_xywh: tuple[int, int, int, int], packed: bytes) -> bytes:
    """A GIF of one frame inside or outside its canvas; colours 0 black, 1 white."""
    screen = struct.pack("<HHBBB", *size_wh, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", *frame_xywh, 0)
    return b"GIF89a" + screen + frame + b"\x02" + bytes([len(packed)]) + packed + b"\0\x3b"


@dataclass(frozen=True, slots=True)
class Tag:
    """An entry of a TIFF directory; ``count`` may lie about what ``payload`` holds."""

    number: int
    kind: int
    count: int
    payload: bytes


def shorts(number: int, *values: int) -> Tag:
    return Tag(number, 3, len(values), struct.pack(f"<{len(values)}H", *values))


def longs(number: int, *values: int) -> Tag:
    return Tag(number, 4, len(values), struct.pack(f"<{len(values)}I", *values))


def rational(number: int, numerator: int, denominator: int) -> Tag:
    return Tag(number, 5, 1, struct.pack("<II", numerator, denominator))


def ascii_tag(number: int, text: bytes) -> Tag:
    return Tag(number, 2, len(text) + 1, text + b"\0")


def tiff(tags: Sequence[Tag], pixels: bytes = b"", *, following: int = 0) -> bytes:
    """A little-endian TIFF of one directory at byte 8, values, then pixels.

    Args:
        tags: the directory; offsets of strips or tiles are set to where the pixels begin.
        pixels: of a single strip or tile.
        following: the offset of the directory after this one; 0 for none.
    """
    values_at = 8 + 2 + 12 * len(tags) + 4
    values = b"".join(tag.payload for tag in tags if len(tag.payload) > 4)
    directory, place = struct.pack("<H", len(tags)), values_at
    for tag in tags:
        payload = tag.payload
        if tag.number in (_STRIP_OFFSETS, _TILE_OFFSETS):
            payload = struct.pack("<I", values_at + len(values))
        if len(payload) > 4:
            payload, place = struct.pack("<I", place), place + len(payload)
        directory += struct.pack("<HHI", tag.number, tag.kind, tag.count) + payload.ljust(4, b"\0")
    return b"II*\0\x08\0\0\0" + directory + struct.pack("<I", following) + values + pixels
