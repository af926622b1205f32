"""Pictures made small: for a page, as data addresses, and for a model file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from partsight.errors import ImageError
from partsight.image.decode import decode
from partsight.image.resize import shrink
from partsight.image.spec import PreprocessSpec
from partsight.utils.opencv import cv2

__all__ = ["data_address", "thumbnail"]

_JPEG = [int(cv2.IMWRITE_JPEG_QUALITY), 85]


def thumbnail(path: Path, side: int, bit_depth: int | None = None) -> str | None:
    """A picture file as a data address; None where it cannot be read any more."""
    try:
        spec = PreprocessSpec(side, side, bit_depth=bit_depth)
        return data_address(shrink(decode(path, spec), side))
    except ImageError:
        return None


def data_address(image_bgr: NDArray[Any]) -> str:
    """A picture, uint8 (H, W, 3), as a JPEG inside an address."""
    _, data = cv2.imencode(".jpg", image_bgr, _JPEG)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
