"""Good images in every format and variant, which must decode; other modules damage them."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from tests.corpus.entry import Entry
from tests.corpus.formats import Tag, longs, png, shorts, tiff

__all__ = ["SIZE_WH", "WHOLES", "Whole", "encoded", "grey_tags", "photo", "sound"]

SIZE_WH = (64, 48)


@dataclass(frozen=True, slots=True)
class Whole:
    """A good image. Half of an animation may contain its whole first frame."""

    name: str
    ending: str
    data: bytes
    frames: int = 1


def photo(seed: int = 0) -> Image.Image:
    """A picture with coarse and fine detail, so that compressed data are more than a header."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    smooth = cv2.resize(coarse, SIZE_WH, interpolation=cv2.INTER_LINEAR)
    grain = rng.normal(0, 6, smooth.shape)
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def grey_tags(size_wh: tuple[int, int]) -> list[Tag]:
    """The directory of a plain grey TIFF of one strip."""
    width, height = size_wh
    return [
        longs(256, width),
        longs(257, height),
        shorts(258, 8),
        shorts(259, 1),
        shorts(262, 1),
        longs(273, 0),
        shorts(277, 1),
        longs(278, height),
        longs(279, min(width * height, 2**32 - 1)),
    ]


def _tiled() -> bytes:
    tags = [t for t in grey_tags(SIZE_WH) if t.number not in (273, 278, 279)]
    tags += [shorts(322, 64), shorts(323, 48), longs(324, 0), longs(325, 64 * 48)]
    return tiff(tags, photo().convert("L").tobytes())


def _interlaced() -> bytes:
    """Adam7, seven pictures of growing size, of noise."""
    rng = np.random.default_rng(7)
    passes = ((8, 6), (8, 6), (16, 6), (16, 12), (32, 12), (32, 24), (64, 24))
    rows = b"".join(b"\0" + rng.bytes(width) for width, height in passes for _ in range(height))
    data = bytearray(png(SIZE_WH, (8, 0), zlib.compress(rows)))
    data[28] = 1
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def _wide() -> Image.Image:
    grey = np.asarray(photo().convert("L")).astype(np.uint16) * 257
    return Image.fromarray(grey)


def _wholes() -> Iterator[Whole]:
    image = photo()
    grey, several = image.convert("L"), {"save_all": True, "append_images": [photo(1), photo(2)]}
    transparent = image.copy()
    transparent.putalpha(grey)
    yield Whole("baseline", "jpg", encoded(image, "JPEG", quality=90))
    yield Whole("progressive", "jpg", encoded(image, "JPEG", quality=90, progressive=True))
    yield Whole("cmyk", "jpg", encoded(image.convert("CMYK"), "JPEG"))
    yield Whole("grey", "jpg", encoded(grey, "JPEG"))
    yield Whole("colour", "png", encoded(image, "PNG"))
    yield Whole("16-bit", "png", encoded(_wide(), "PNG"))
    yield Whole("palette", "png", encoded(image.quantize(16), "PNG"))
    yield Whole("alpha", "png", encoded(transparent, "PNG"))
    yield Whole("interlaced", "png", _interlaced())
    yield Whole("colour", "bmp", encoded(image, "BMP"))
    yield Whole("palette", "bmp", encoded(image.quantize(16), "BMP"))
    yield Whole("lossy", "webp", encoded(image, "WEBP"))
    yield Whole("lossless", "webp", encoded(transparent, "WEBP", lossless=True))
    yield Whole("animated", "webp", encoded(image, "WEBP", **several), frames=3)
    yield Whole("plain", "tif", encoded(image, "TIFF"))
    yield Whole("lzw", "tif", encoded(image, "TIFF", compression="tiff_lzw"))
    yield Whole("deflate", "tiff", encoded(image, "TIFF", compression="tiff_adobe_deflate"))
    yield Whole("tiled", "tif", _tiled())
    yield Whole("pages", "tif", encoded(image, "TIFF", **several), frames=3)
    yield Whole("still", "gif", encoded(image, "GIF"))
    yield Whole("animated", "gif", encoded(image, "GIF", **several), frames=3)
    yield Whole("colour", "ppm", encoded(image, "PPM"))
    yield Whole("grey", "pgm", encoded(grey, "PPM"))


WHOLES = tuple(_wholes())


def sound() -> Iterator[Entry]:
    """Each image unchanged, to show that not everything is refused."""
    for whole in WHOLES:
        yield Entry(
            f"whole-{whole.name}.{whole.ending}",
            "whole",
            f"a sound {whole.name} {whole.ending}",
            whole.data,
            "good",
            SIZE_WH,
        )
