"""Encodes BGR arrays as image files: for the image store, ``partsight capture`` and heat maps."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from partsight.errors import OutputError
from partsight.utils.opencv import cv2

__all__ = ["JPEG_QUALITY", "ImageFormat", "encode"]

# jpg is slightly lossy and a tenth of the size of png, which is lossless.
ImageFormat = Literal["jpg", "png"]

# Artefacts stay below the noise of a camera. Also OpenCV's default.
JPEG_QUALITY = 95
# The fastest level: a frame must be compressed before the next one, and noise compresses badly.
_PNG_COMPRESSION = 1


def encode(
    image_bgr: NDArray[np.uint8], kind: ImageFormat = "jpg", quality: int = JPEG_QUALITY
) -> bytes:
    """Encode an image.

    Args:
        image_bgr: uint8 (H, W, 3), blue-green-red.
        kind: file format.
        quality: of a JPEG, 1 to 100.

    Returns:
        The bytes of the file.

    Raises:
        OutputError: OpenCV cannot encode it; a side of a JPEG has at most 65,535 pixels.
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


def _refused(image_bgr: NDArray[np.uint8], kind: ImageFormat) -> OutputError:
    return OutputError(
        f"cannot encode an image as {kind}: expected uint8 (H, W, 3) of a size that {kind} "
        f"supports. Received: {image_bgr.dtype} {image_bgr.shape}. Choose another format."
    )
