"""The one definition of what the network sees.

Enters: a BGR picture of any size. Leaves: the RGB bytes that the model is fed. Training,
evaluation, batch and camera all call this; there is no other scaling, cropping or
colour conversion in partsight. Mean and standard deviation live inside the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ImageError
from partsight.opencv import cv2

__all__ = ["PREPROCESS_VERSION", "PreprocessSpec", "preprocess"]

# Every cache, model and golden sample depends on the pixels that this module makes (and
# on the scaled JPEG decoding of ``decode``). A change that alters any of them raises this
# number; a model made under another one is refused.
PREPROCESS_VERSION = 1


@dataclass(frozen=True, slots=True)
class PreprocessSpec:
    """How pictures become the network's input.

    Attributes:
        height: rows of the network's input, pixels.
        width: columns of the network's input, pixels.
        version: the definition that the model was trained under.

    Raises:
        ValueError: a size below 1, or a version that this partsight does not know.
    """

    height: int
    width: int
    version: int = PREPROCESS_VERSION

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1:
            raise ValueError(f"preprocess size must be positive. Received: {self}")
        if self.version != PREPROCESS_VERSION:
            raise ValueError(
                f"preprocess version {self.version} is unknown here; this partsight has "
                f"version {PREPROCESS_VERSION}. Install the partsight that made the model."
            )


def preprocess(image_bgr: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Turn a picture into the network's input: the whole frame, stretched to the size.

    An axis is halved, by exact means of two, while it is at least twice as long as the
    target; what is left is below a factor of two, where a bilinear step does not alias.
    (A single INTER_AREA step gives the same accuracy and costs ten times as much.)

    Args:
        image_bgr: uint8 (H, W, 3), blue-green-red, as OpenCV gives it.
        spec: the target size.

    Returns:
        uint8 (spec.height, spec.width, 3), red-green-blue, C-contiguous.

    Raises:
        ImageError: not an array of that kind.
    """
    _check(image_bgr)
    image = image_bgr
    while True:
        halve_x = image.shape[1] >= 2 * spec.width
        halve_y = image.shape[0] >= 2 * spec.height
        if not (halve_x or halve_y):
            break
        image = _halve(image, halve_x, halve_y)
    if image.shape[:2] != (spec.height, spec.width):
        size_wh = (spec.width, spec.height)
        image = _uint8(cv2.resize(image, size_wh, interpolation=cv2.INTER_LINEAR))
    return _uint8(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _halve(image: NDArray[np.uint8], halve_x: bool, halve_y: bool) -> NDArray[np.uint8]:
    """Means of two along the chosen axes; an odd last row or column stands for its twin."""
    height, width = image.shape[:2]
    odd_x = width % 2 if halve_x else 0
    odd_y = height % 2 if halve_y else 0
    if odd_x or odd_y:
        # Cutting it off would lose the edge of the part, where defects sit.
        image = _uint8(cv2.copyMakeBorder(image, 0, odd_y, 0, odd_x, cv2.BORDER_REPLICATE))
        height, width = image.shape[:2]
    size_wh = (width // (1 + halve_x), height // (1 + halve_y))
    return _uint8(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA))


def _uint8(image: NDArray[Any]) -> NDArray[np.uint8]:
    """The same array: OpenCV keeps the dtype, which its type stubs do not say."""
    return np.asarray(image, np.uint8)


def _check(image: NDArray[np.uint8]) -> None:
    if not isinstance(image, np.ndarray):
        raise ImageError(
            f"a picture must be a NumPy array. Received: {type(image).__name__}. "
            "Read files with cv2.imread."
        )
    good_shape = image.ndim == 3 and image.shape[2] == 3 and image.size > 0
    if image.dtype != np.uint8 or not good_shape:
        raise ImageError(
            "a picture must be uint8 of shape (height, width, 3) in BGR order. "
            f"Received: {image.dtype} of shape {image.shape}. "
            "Convert it first, e.g. with cv2.cvtColor."
        )
