"""Decodes image files into BGR arrays as a person would see them.

Pillow decodes, because it handles orientation, palettes, alpha and 16 bits; this module decides
what each of them means. Used wherever images come from files: data sets, batch, folder source.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import math
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError, _imaging

from partsight.errors import ImageError
from partsight.image.depth import Samples, counted_samples, require_samples, to_8_bits
from partsight.image.file import read_image_file
from partsight.image.formats import FORMATS, IMAGE_ENDINGS, heif_installed, looks_like_heif
from partsight.image.limits import refuse_bomb
from partsight.image.out_of_memory import memory_error
from partsight.image.preprocess import covering_hw
from partsight.image.spec import MAX_BIT_DEPTH, PreprocessSpec
from partsight.image.undeclared_depth import require_full_depth
from partsight.utils.limits import MAX_PIXELS
from partsight.utils.memory_limit import memory_fault
from partsight.utils.opencv import cv2
from partsight.utils.printable import printable

__all__ = ["decode", "read_samples", "read_size"]

# MPO, a JPEG with images of two lenses, is opened as JPEG; Pillow has no separate opener.
_FORMATS = tuple(name for name, endings in FORMATS.items() if IMAGE_ENDINGS.issuperset(endings))

_EXIF_ORIENTATION = 0x0112
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_HEADER_BYTES = 32
_BACKGROUND = (255, 255, 255)

# Pixels converted at a time: for a large image as a whole, the intermediate steps would take
# several times its memory.
_STRIPE = 4_000_000

# Exceptions that Pillow's decoders raise for damaged files.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,  # of AVIF and HEIC
    EOFError,
    ArithmeticError,
    AssertionError,
    struct.error,
    zlib.error,
)

# Pillow warns at 89 million pixels; MAX_PIXELS decides instead. Warnings about malformed EXIF need
# no action and would only separate the lines that name failed files.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Pillow raises the errors of libtiff, which would also write them to stderr in fragments. The
# function is found through the libraries that Pillow is linked with.
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def decode(
    file: Path | bytes, spec: PreprocessSpec | None = None, *, bit_depth: int | None = None
) -> NDArray[np.uint8]:
    """Decode one image.

    EXIF orientation is applied, transparency is composed over white, 16 bits (or the ``bit_depth``
    of ``spec``) are scaled to 8, CMYK and grey become colour, and an animation gives its first
    frame. With ``spec``, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size if ``preprocess`` would
    halve both axes at least that often. This is part of the definition of the network's input and
    makes large JPEGs several times cheaper.

    Args:
        file: path or bytes of the file.
        spec: preprocessing that follows; None decodes every pixel.
        bit_depth: as in ``spec``, for callers that need every pixel.

    Returns:
        uint8 (H, W, 3), blue-green-red. The channels of a grey image may share their memory, which
        ``preprocess`` uses to save time; such an array is read-only.

    Raises:
        ImageError: the file is missing, not a regular file, empty, not an image, damaged, too
            large, or has 16 bits per sample with samples beyond ``bit_depth`` or, if none is
            declared, within fewer bits.
    """
    data = read_image_file(file)[0] if isinstance(file, Path) else file
    if not data:
        raise ImageError("the file is empty")
    pixels = None
    try:
        with Image.open(io.BytesIO(data), formats=_formats(data)) as opened:
            pixels = math.prod(opened.size)
            refuse_bomb(opened.format, opened.size, _tile_wh(opened), data)
            if spec is not None:
                _scale(opened, spec)
                bit_depth = spec.bit_depth
                if bit_depth is None:
                    require_full_depth(opened, data)
            image: Image.Image = opened
            if bit_depth is not None and bit_depth != MAX_BIT_DEPTH:
                image = _narrowed(opened, data, bit_depth)
            ImageOps.exif_transpose(image, in_place=True)
            return _to_bgr(image, opened.format)
    except UnidentifiedImageError as error:
        if looks_like_heif(data) and not heif_installed():
            raise ImageError(
                "HEIC is not read without pillow-heif; install it: pip install pillow-heif"
            ) from error
        raise ImageError(f"not an image in a known format ({', '.join(_FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"too large: more than {MAX_PIXELS // 10**6} million pixels") from error
    except (MemoryError, SystemError, cv2.error) as error:
        if memory_fault(error) is None:
            raise
        raise memory_error(pixels) from error
    except _DAMAGE as error:
        reason = printable(error).strip() or type(error).__name__
        raise ImageError(f"the image is damaged: {reason}") from error


def read_size(path: Path) -> tuple[int, int]:
    """Rows and columns of an image file, from its header and before EXIF orientation.

    Raises:
        OSError: it cannot be read or is not an image.
    """
    with path.open("rb") as stream:
        formats = _formats(stream.read(_HEADER_BYTES))
        stream.seek(0)
        with Image.open(stream, formats=formats) as header:
            return header.height, header.width


def read_samples(path: Path) -> Samples | None:
    """The samples of a file with 16 bits per sample; None for other and for damaged files."""
    try:
        data = read_image_file(path)[0]
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            refuse_bomb(image.format, image.size, _tile_wh(image), data)
            return counted_samples(image, data)
    except (ImageError, Image.DecompressionBombError, MemoryError, *_DAMAGE):
        return None  # ``decode`` reports the reason


def _formats(data: bytes) -> tuple[str, ...]:
    """Pillow's names of the possible formats of these bytes."""
    if not (looks_like_heif(data) and heif_installed()):
        return _FORMATS
    _register_heif()
    return (*_FORMATS, "HEIF")


@functools.cache
def _register_heif() -> None:
    """Register HEIC with Pillow; only for such a file, because it loads a large library."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def _narrowed(image: Image.Image, data: bytes, bit_depth: int) -> Image.Image:
    """An image of 16 bits per sample scaled to 8 by its significant bits; others unchanged."""
    samples = require_samples(image, data)
    if samples is None:
        return image
    narrowed = Image.fromarray(to_8_bits(samples, bit_depth))
    narrowed.getexif()[_EXIF_ORIENTATION] = image.getexif().get(_EXIF_ORIENTATION, 1)
    return narrowed


def _tile_wh(image: Image.Image) -> tuple[int, int]:
    """The size of a TIFF's tiles; zeros if it has none."""
    tags = getattr(image, "tag_v2", {})
    return int(tags.get(_TILE_WIDTH, 0)), int(tags.get(_TILE_LENGTH, 0))


def _scale(image: Image.Image, spec: PreprocessSpec) -> None:
    """Set the JPEG decoder to the smallest size that still covers the target."""
    turned = image.getexif().get(_EXIF_ORIENTATION) in range(5, 9)
    width, height = reversed(image.size) if turned else image.size
    rows, columns = covering_hw((height, width), spec)
    image.draft(None, (rows, columns) if turned else (columns, rows))


def _to_bgr(image: Image.Image, file_format: str | None) -> NDArray[np.uint8]:
    width, height = image.size
    if image.mode == "L" and not image.has_transparency_data:
        # Common for cameras on lines: one channel in memory, which ``preprocess`` scales once.
        return np.broadcast_to(np.asarray(image)[:, :, np.newaxis], (height, width, 3))
    bgr = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIPE // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        stripe = image if rows >= height else image.crop((0, top, width, bottom))
        rgb = np.asarray(_to_rgb(stripe, file_format))
        # Ten times as fast as NumPy's strides, which took half of a small image's decoding time.
        cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR, dst=bgr[top:bottom])
    return bgr


def _to_rgb(image: Image.Image, file_format: str | None) -> Image.Image:
    # Pillow gives a PGM of more than 8 bits as 32 bits, scaled to 0..65535.
    if image.mode.startswith("I;16") or (image.mode == "I" and file_format == "PPM"):
        wide = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ImageError(f"pixels of 32 bits (mode {image.mode}) have no known range; save 8 or 16")
    if image.mode == "P" and image.palette is None:
        raise ImageError("the image is damaged: it has no palette")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGBA", rgba.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(canvas, rgba).convert("RGB")
    return image.convert("RGB")
