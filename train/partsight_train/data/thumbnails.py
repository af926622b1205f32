"""Image files as small JPEGs for an HTML page."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.encode import encode
from partsight.image.resize import shrink
from partsight.image.spec import PreprocessSpec

__all__ = ["data_uri", "thumbnail"]

_JPEG_QUALITY = 85


def thumbnail(path: Path, side: int, bit_depth: int | None = None) -> str | None:
    """Return an image file as a data URI, or None if it can no longer be read.

    Args:
        path: the file.
        side: longest side in pixels.
        bit_depth: see ``PreprocessSpec``.
    """
    try:
        spec = PreprocessSpec(side, side, bit_depth=bit_depth)
        return data_uri(shrink(decode(path, spec), side))
    except ImageError:
        return None


def data_uri(image_bgr: NDArray[np.uint8]) -> str:
    """Return an image, uint8 (H, W, 3) BGR, as a data URI of a JPEG."""
    data = encode(image_bgr, quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
