"""Inconsistent headers: sizes of zero, circular directories, wrong counts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from tests.corpus.entry import Entry, Outcome
from tests.corpus.formats import Tag, bmp, chunk, gif, longs, png, shorts, tiff
from tests.corpus.wholes import SIZE_WH, WHOLES, encoded, grey_tags, photo

__all__ = ["odd_headers"]

# One white pixel, as a GIF packs it.
_WHITE = b"\x4c\x01"


def odd_headers() -> Iterator[Entry]:
    """All of them."""
    for wh in ((0, 48), (64, 0), (0, 0)):
        yield from _sizes_of_zero(wh)
    for name, data, reason, outcome in (*_tiffs(), *_gifs(), *_others()):
        size = SIZE_WH if outcome == "good" else None
        yield Entry(f"header-{name}", "header", reason, data, outcome, size)


def _sizes_of_zero(wh: tuple[int, int]) -> Iterator[Entry]:
    jpeg = bytearray(WHOLES[0].data)
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", *wh[::-1])
    for ending, data in {
        "png": png(wh, (8, 0), zlib.compress(b"")),
        "bmp": bmp(wh, 24, b""),
        "gif": gif(wh, (0, 0, *wh), _WHITE),
        "tif": tiff(grey_tags(wh)),
        "ppm": b"P6 %d %d 255\n" % wh,
        "jpg": bytes(jpeg),
    }.items():
        name = f"zero-size-{wh[0]}x{wh[1]}.{ending}"
        yield Entry(name, "zero-size", f"a {ending} of {wh[0]} x {wh[1]}", data, "refused")


def _tiffs() -> Iterator[tuple[str, bytes, str, Outcome]]:
    plain, pixels = grey_tags(SIZE_WH), photo().convert("L").tobytes()
    yield "ifd-loop.tif", tiff(plain, pixels, following=8), "a directory after itself", "good"
    inner = [*plain, longs(330, 8)]
    yield "ifd-in-itself.tif", tiff(inner, pixels), "a directory below itself", "good"
    beyond = tiff(plain, pixels, following=2**32 - 2)
    yield "ifd-beyond.tif", beyond, "the next directory beyond the end", "good"
    yield "ifd-deep.tif", _deep(pixels), "5,000 directories in a row", "good"
    nowhere = b"II*\0" + struct.pack("<I", 2**32 - 2)
    yield "ifd-nowhere.tif", nowhere, "its only directory beyond the end", "refused"
    in_header = b"II*\0\0\0\0\0"
    yield "ifd-at-zero.tif", in_header, "its directory where its header is", "refused"
    crowd = b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + bytes(1000)
    yield "tags-65535.tif", crowd, "65,535 tags of which few are there", "refused"
    endless = [*plain, Tag(700, 1, 2**32 - 1, struct.pack("<I", 100))]
    yield "tag-of-4-GB.tif", tiff(endless, pixels), "a tag of 4,294,967,295 bytes", "either"
    doubles = [*plain, Tag(33550, 12, 2**31, struct.pack("<I", 100))]
    yield "tag-of-16-GB.tif", tiff(doubles, pixels), "a tag of 2^31 doubles", "either"
    unknown = [*plain, Tag(65_000, 99, 1, bytes(4))]
    yield "tag-type.tif", tiff(unknown, pixels), "a tag of a type that is none", "good"
    many = [shorts(258, *[8] * 5000) if tag.number == 258 else tag for tag in plain]
    yield "bits-5000.tif", tiff(many, pixels), "bits of 5,000 channels", "either"
    strips = [longs(279, 2**32 - 1) if tag.number == 279 else tag for tag in plain]
    yield "strip-of-4-GB.tif", tiff(strips, pixels), "a strip of 4 GB", "either"
    packing = [shorts(259, 50_000) if tag.number == 259 else tag for tag in plain]
    yield "compression.tif", tiff(packing, pixels), "a compression that is none", "refused"
    yield "big.tif", b"II+\0\x08\0\0\0" + b"\xff" * 8, "a BigTIFF of nothing", "refused"


def _deep(pixels: bytes) -> bytes:
    """Directories of no tags, each naming the next."""
    first = tiff(grey_tags(SIZE_WH), pixels)
    start = len(first)
    chain = b"".join(struct.pack("<HI", 0, start + 6 * (i + 1)) for i in range(5000))
    return tiff(grey_tags(SIZE_WH), pixels, following=start) + chain + bytes(6)


def _gifs() -> Iterator[tuple[str, bytes, str, Outcome]]:
    beside = gif(SIZE_WH, (60_000, 60_000, 1, 1), _WHITE)
    # Pillow would make the canvas as large as its frames reach.
    yield "frame-far-out.gif", beside, "a frame at 60,000, 60,000 of a canvas of 64 x 48", "refused"
    over = gif(SIZE_WH, (63, 47, 2, 2), _WHITE)
    yield "frame-over-edge.gif", over, "a frame that reaches over the canvas", "either"
    no_frame = gif(SIZE_WH, (0, 0, 1, 1), _WHITE)[:19] + b"\x3b"
    yield "no-frame.gif", no_frame, "a GIF without a frame", "refused"
    codes = gif(SIZE_WH, (0, 0, *SIZE_WH), b"\xff" * 200)
    yield "codes.gif", codes, "codes that were never defined", "either"


def _others() -> Iterator[tuple[str, bytes, str, Outcome]]:
    pixels = zlib.compress(bytes(48 * 65))
    deep = png(SIZE_WH, (7, 0), pixels)
    yield "depth-7.png", deep, "7 bits a pixel", "refused"
    colours = png(SIZE_WH, (8, 3), pixels)
    yield "no-palette.png", colours, "palette colours without a palette", "refused"
    critical = png(SIZE_WH, (8, 0), pixels, chunk(b"PArt", b"17"))
    yield "critical-chunk.png", critical, "an unknown chunk that is called critical", "either"
    long_chunk = png(SIZE_WH, (8, 0), pixels, struct.pack(">I", 2**31 - 1) + b"tEXt")
    yield "chunk-of-2-GB.png", long_chunk, "a chunk of 2 GB", "refused"
    many = png(SIZE_WH, (8, 0), pixels, chunk(b"tEXt", b"a\0b") * 50_000)
    yield "chunks-50000.png", many, "50,000 chunks of text", "good"
    yield "upside-down.bmp", bmp((64, -48), 24, bytes(64 * 48 * 3)), "rows from the top", "good"
    yield "least-height.bmp", bmp((64, -(2**31)), 24, bytes(1000)), "the height -2^31", "refused"
    yield "bits-3.bmp", bmp(SIZE_WH, 3, bytes(5000)), "3 bits a pixel", "refused"
    runs = bmp(SIZE_WH, 8, b"\0\2\xff\xff" * 500, compression=1)
    yield "runs.bmp", runs, "run lengths that leave the picture", "either"
    tables = encoded(photo(), "JPEG").replace(b"\xff\xdb", b"\xff\xfe", 1)
    yield "no-tables.jpg", tables, "no quantization table", "refused"
    segment = b"\xff\xd8\xff\xe1\0\0" + encoded(photo(), "JPEG")[2:]
    yield "segment-of-0.jpg", segment, "a segment of a length below its own field", "either"
