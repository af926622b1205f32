"""Small files that need much memory (by size or texts) or time (by scans)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from tests.corpus.entry import Entry
from tests.corpus.formats import bmp, chunk, gif, longs, png, shorts, tiff
from tests.corpus.wholes import SIZE_WH, WHOLES, encoded, grey_tags, photo

__all__ = ["bombs"]

_CLAIMS = ((50_000, 50_000), (100_000, 100_000), (65_535, 65_535), (1, 2**31 - 1))
# Just within the limits, and just beyond.
_LARGE_WH, _TOO_LARGE_WH = (12_000, 8_300), (12_000, 8_400)


def bombs() -> Iterator[Entry]:
    """All of them; the sound ones show that the limit is where it is said to be."""
    for wh in _CLAIMS:
        for ending, data in _claiming(wh).items():
            name = f"bomb-claims-{wh[0]}x{wh[1]}.{ending}"
            yield Entry(name, "bomb", f"a header that claims {wh[0]} x {wh[1]}", data, "refused")
    for what, wh, kind, channels in (
        ("grey", _LARGE_WH, (8, 0), 1),
        ("alpha", _LARGE_WH, (8, 6), 4),
        ("too-large", _TOO_LARGE_WH, (8, 0), 1),
        ("bits-too-large", (40_000, 40_000), (1, 0), 1 / 8),
    ):
        data = png(wh, kind, _zeros(wh[1] * (1 + int(wh[0] * channels))))
        outcome = "good" if wh == _LARGE_WH else "refused"
        reason = f"{wh[0]} x {wh[1]} pixels of one value in {len(data)} bytes"
        yield Entry(f"bomb-png-{what}.png", "bomb", reason, data, outcome, wh)
    yield from _texts()
    yield _scans()
    yield _tile()
    yield _canvas()


def _claiming(wh: tuple[int, int]) -> dict[str, bytes]:
    """Headers of pictures of a size, as far as each format can say it."""
    packed = zlib.compress(bytes(1000))
    claims = {
        "png": png(wh, (8, 2), packed),
        "bmp": bmp(wh, 24, bytes(1000)),
        "tif": tiff(grey_tags(wh), bytes(1000)),
        "ppm": b"P6 %d %d 255\n" % wh + bytes(1000),
    }
    if max(wh) <= 65_535:
        claims["gif"] = gif(wh, (0, 0, *wh), b"\x4c\x01")
        jpeg = bytearray(encoded(photo(), "JPEG"))
        frame = jpeg.index(b"\xff\xc0")
        jpeg[frame + 5 : frame + 9] = struct.pack(">HH", *wh[::-1])
        claims["jpg"] = bytes(jpeg)
    if max(wh) <= 2**24:
        claims["webp"] = _webp(wh)
    return claims


def _webp(wh: tuple[int, int]) -> bytes:
    """An extended header, of which the canvas is up to 2^24 a side, before a small picture."""
    canvas = b"\0\0\0\0" + b"".join((side - 1).to_bytes(3, "little") for side in wh)
    inner = encoded(photo(), "WEBP")[12:]
    body = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _zeros(count: int) -> bytes:
    """So many zeros, compressed without ever being held."""
    compressor = zlib.compressobj(9, wbits=-15)
    # After a full flush a mebibyte does not refer to the one before, and each is like the next.
    piece = compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    rest = compressor.compress(bytes(count & ((1 << 20) - 1))) + compressor.flush()
    adler32_of_zeros = (count % 65_521) << 16 | 1
    return b"\x78\xda" + piece * (count >> 20) + rest + adler32_of_zeros.to_bytes(4, "big")


def _texts() -> Iterator[Entry]:
    """PNG chunks that grow a thousandfold when they are read."""
    grown = _zeros(100 << 20)
    pixels = zlib.compress(bytes(48 * 65))
    for name, body in {
        "zTXt": b"Comment\0\0" + grown,
        "iTXt": b"Comment\0\x01\0\0\0" + grown,
        "iCCP": b"profile\0\0" + grown,
    }.items():
        data = png(SIZE_WH, (8, 0), pixels, chunk(name.encode(), body))
        yield Entry(f"bomb-{name}.png", "bomb", f"100 MiB of zeros in a {name} chunk", data)
    many = chunk(b"zTXt", b"Comment\0\0" + _zeros(1_000_000)) * 100
    data = png(SIZE_WH, (8, 0), pixels, many)
    yield Entry("bomb-many-zTXt.png", "bomb", "100 texts of a megabyte each", data)


def _scans() -> Entry:
    """Each scan of a progressive JPEG takes a pass over all of its blocks, and 10 bytes."""
    jpeg = encoded(photo().convert("L").resize((8, 8)), "JPEG", progressive=True)
    frame = jpeg.index(b"\xff\xc2")
    start = jpeg.index(b"\xff\xda")
    large = jpeg[: frame + 5] + struct.pack(">HH", 9_000, 9_000) + jpeg[frame + 9 : start]
    # Of the first coefficient one more bit, which is nowhere set: no data are needed.
    scan = b"\xff\xda\0\x08\x01\x01\0\0\0\x00" + bytes(2)
    data = large + scan * 20_000 + b"\xff\xd9"
    return Entry("bomb-scans.jpg", "bomb", "81 million pixels in 20,000 scans", data, "refused")


def _tile() -> Entry:
    """A small picture out of one giant tile."""
    tags = [tag for tag in grey_tags(SIZE_WH) if tag.number not in (273, 278, 279)]
    compressed = zlib.compress(bytes(1000))
    tags = [shorts(259, 8) if tag.number == 259 else tag for tag in tags]
    tags += [longs(322, 40_000), longs(323, 40_000), longs(324, 0), longs(325, len(compressed))]
    reason = "64 x 48 pixels out of a tile of 40,000 x 40,000"
    return Entry("bomb-tile.tif", "bomb", reason, tiff(tags, compressed), "refused")


def _canvas() -> Entry:
    """libwebp holds the canvas of an animation twice, Pillow twice more."""
    data = bytearray(next(w.data for w in WHOLES if (w.name, w.ending) == ("animated", "webp")))
    data[24:30] = b"".join((side - 1).to_bytes(3, "little") for side in _LARGE_WH)
    reason = "a frame of 64 x 48 on the largest canvas that is allowed"
    return Entry("bomb-canvas.webp", "bomb", reason, bytes(data), "good", _LARGE_WH)
