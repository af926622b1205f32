"""BGR arrays into picture files' bytes: the other way round than ``decode``.

Enters: uint8 BGR. Leaves: bytes for a file. Called by whatever writes pictures: the picture
store, ``partsight capture`` and heat maps.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from partsight.errors import OutputError
from partsight.utils.opencv import cv2

__all__ = ["JPEG_QUALITY", "ImageFormat", "encode", "shrunk"]

# jpg loses a little and is a tenth of the size; png loses nothing.
ImageFormat = Literal["jpg", "png"]

# Artefacts stay below a camera's noise; OpenCV's own default too.
JPEG_QUALITY = 95
# The least effort: a frame must be packed before the next one comes, and noise packs badly.
_PNG_COMPRESSION = 1


def encode(
    image_bgr: NDArray[np.uint8], kind: ImageFormat = "jpg", quality: int = JPEG_QUALITY
) -> bytes:
    """Encode a picture.

    Args:
        image_bgr: uint8 (H, W, 3).
        kind: of the file.
        quality: of a JPEG, 1 to 100.

    Raises:
        OutputError: OpenCV cannot; a JPEG has at most 65,535 pixels a side.
    """
    setting = (
        [cv2.IMWRITE_JPEG_QUALITY, quality]
        if kind == "jpg"
        else [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION]
    )
    try:
        done, data = cv2.imencode(f".{kind}", image_bgr, setting)
    except cv2.error as error:
        raise _refused(image_bgr, kind) from error
    if not done:
        raise _refused(image_bgr, kind)
    return data.tobytes()


def shrunk(image_bgr: NDArray[np.uint8], longest_side: int) -> NDArray[np.uint8]:
    """The picture, made smaller where a side has more than so many pixels."""
    height, width = image_bgr.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return image_bgr
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image_bgr, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _refused(image_bgr: NDArray[np.uint8], kind: ImageFormat) -> OutputError:
    return OutputError(
        f"cannot encode a picture as {kind}: expected uint8 (H, W, 3) of a size that {kind} has. "
        f"Received: {image_bgr.dtype} {image_bgr.shape}. Choose another format."
    )
