"""Picture files into BGR arrays, as a person would see them.

Enters: a path or bytes in any of the usual formats. Leaves: uint8 BGR. Pillow decodes,
because it knows orientation, palettes, alpha and 16 bits; this module decides what each
of those means. Called wherever pictures come from files: dataset, batch, folder source.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from partsight.errors import ImageError
from partsight.opencv import cv2
from partsight.picture_file import read_picture_file
from partsight.preprocess import covering_hw
from partsight.preprocess_spec import PreprocessSpec

__all__ = ["MAX_PIXELS", "decode"]

# Above this a file is taken for a decompression bomb: 300 MB as RGB, all that a small
# device can spare, and twice the largest sensors on production lines.
MAX_PIXELS = 100_000_000

# Named, because Pillow would also hand files to formats that run other programs. MPO, the
# JPEG of two lenses, is opened as JPEG; Pillow knows no opener of that name.
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")

_EXIF_ORIENTATION = 0x0112
_BACKGROUND = (255, 255, 255)

# What Pillow's decoders were seen to raise on damaged files.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
)

# Pillow warns at 89 million pixels; the limit above decides instead.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def decode(picture: Path | bytes, spec: PreprocessSpec | None = None) -> NDArray[np.uint8]:
    """Decode one picture.

    Orientation (EXIF) is applied, transparency is composed over white, 16 bits are
    scaled to 8, CMYK and grey become colour, and of an animation the first frame is
    taken. With ``spec``, a JPEG is decoded at 1/2, 1/4 or 1/8 where ``preprocess`` would
    halve both axes as often anyway: that is part of the definition of what the network
    sees, and it makes large JPEGs several times cheaper.

    Args:
        picture: a file's path, or its bytes.
        spec: what the picture is decoded for; None decodes every pixel.

    Returns:
        uint8 (H, W, 3), blue-green-red.

    Raises:
        ImageError: with the reason: missing, empty, no picture, damaged, or too large.
    """
    data = read_picture_file(picture)[0] if isinstance(picture, Path) else picture
    if not data:
        raise ImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _refuse_bomb(image)
            if spec is not None:
                _scale(image, spec)
            upright = ImageOps.exif_transpose(image)
            rgb = np.asarray(_to_rgb(upright, image.format))
    except UnidentifiedImageError as error:
        raise ImageError(f"not a picture in a known format ({', '.join(_FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"too large: {error}") from error
    except _DAMAGE as error:
        raise ImageError(f"the picture is damaged: {error or type(error).__name__}") from error
    # Ten times as fast as NumPy's strides, which were half of a small picture's decoding.
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)


def _refuse_bomb(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"too large: {width} x {height} pixels, at most {MAX_PIXELS // 10**6} million allowed"
        )


def _scale(image: Image.Image, spec: PreprocessSpec) -> None:
    """Ask the JPEG decoder for the smallest size that still covers the target."""
    turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    width, height = reversed(image.size) if turned else image.size
    rows, columns = covering_hw((height, width), spec)
    image.draft(None, (rows, columns) if turned else (columns, rows))


def _to_rgb(image: Image.Image, file_format: str | None) -> Image.Image:
    # A PGM of more than 8 bits comes as 32, already scaled to 0..65535.
    if image.mode.startswith("I;16") or (image.mode == "I" and file_format == "PPM"):
        wide = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ImageError(f"pixels of 32 bits (mode {image.mode}) have no known range; save 8 or 16")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGBA", rgba.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(canvas, rgba).convert("RGB")
    return image.convert("RGB")
