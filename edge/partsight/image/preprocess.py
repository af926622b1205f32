"""The only definition of the network's input: scaling, region of interest, colour order.

Training, evaluation, batch and camera all call this module; partsight has no other scaling,
cropping or colour conversion. Mean and standard deviation are inside the graph.
"""

from __future__ import annotations

import math
import platform
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ImageError
from partsight.image.spec import PreprocessSpec
from partsight.utils.opencv import cv2

__all__ = ["covering_hw", "place", "preprocess", "region", "without_bars"]

# Grey level of the bars around a letterboxed image: neither a bright nor a dark edge.
_BAR = 127

# Whether OpenCV's bilinear step gives the same bytes for one channel as for three. On Arm, where
# other code runs, it does not.
_ONE_CHANNEL_ALIKE = platform.machine() in {"x86_64", "AMD64"}


def preprocess(image_bgr: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Convert an image to the network's input.

    An axis is halved, by exact means of two pixels, while it is at least twice as long as the
    target. The remaining factor is below two, where a bilinear step does not alias. (A single
    INTER_AREA step gives the same accuracy at ten times the cost.)

    Args:
        image_bgr: uint8 (H, W, 3), blue-green-red, as from OpenCV.
        spec: the target size, the fit, and the region of interest.

    Returns:
        uint8 (spec.height, spec.width, 3), red-green-blue, C-contiguous.

    Raises:
        ImageError: the array has another type or shape.
    """
    _check(image_bgr)
    # A grey image needs each step for one channel only.
    grey = image_bgr.strides[2] == 0
    image = region(image_bgr[:, :, 0] if grey else image_bgr, spec)
    top, left, height, width = place(image.shape[:2], spec)
    image = _halve_often(image, height, width)
    one_channel = grey and _ONE_CHANNEL_ALIKE
    if not one_channel:
        image = _rgb(image)
    if image.shape[:2] != (height, width):
        image = _uint8(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))
    if one_channel:
        image = _rgb(image)
    if (height, width) != (spec.height, spec.width):
        bars = (top, spec.height - height - top, left, spec.width - width - left)
        image = _uint8(cv2.copyMakeBorder(image, *bars, cv2.BORDER_CONSTANT, value=(_BAR,) * 3))
    return image


def covering_hw(hw: tuple[int, int], spec: PreprocessSpec) -> tuple[int, int]:
    """The smallest size at which a decoded image still fills the network's input.

    Args:
        hw: rows and columns of the whole image.
        spec: the preprocessing that follows.

    Returns:
        Rows and columns.
    """
    _, _, width, height = spec.roi or (0.0, 0.0, 1.0, 1.0)
    fitted = _fitted_hw((max(1, round(hw[0] * height)), max(1, round(hw[1] * width))), spec)
    return math.ceil(fitted[0] / height), math.ceil(fitted[1] / width)


def place(hw: tuple[int, ...], spec: PreprocessSpec) -> tuple[int, int, int, int]:
    """The position of a region of interest in the network's input: top, left, height, width.

    Args:
        hw: rows and columns of the region, pixels.
        spec: the preprocessing; bars fill the rest of the input.
    """
    height, width = _fitted_hw(hw, spec)
    return (spec.height - height) // 2, (spec.width - width) // 2, height, width


def region(image: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """A view of the image's region of interest, at least one pixel."""
    left, top, width, height = spec.roi or (0.0, 0.0, 1.0, 1.0)
    rows, columns = image.shape[:2]
    first_row, first_column = (
        min(rows - 1, round(top * rows)),
        min(columns - 1, round(left * columns)),
    )
    last_row = max(first_row + 1, round((top + height) * rows))
    last_column = max(first_column + 1, round((left + width) * columns))
    return image[first_row:last_row, first_column:last_column]


def without_bars(image: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """A view of the network's input without its letterbox bars.

    The bars are found by their colour, so that edge rows and columns of the image in exactly this
    colour are removed too. An input in this colour only is returned as a whole.
    """
    if spec.fit != "letterbox":
        return image
    other = image != _BAR
    rows = np.flatnonzero(other.reshape(len(other), -1).any(axis=1))
    columns = np.flatnonzero(other.any(axis=0).any(axis=1))
    if not len(rows):
        return image
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted_hw(hw: tuple[int, ...], spec: PreprocessSpec) -> tuple[int, int]:
    """Rows and columns of the image within the network's input."""
    if spec.fit == "stretch":
        return spec.height, spec.width
    scale = min(spec.height / hw[0], spec.width / hw[1])
    return max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))


def _halve_often(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Halve each axis while it is at least twice as long as its target."""
    while True:
        halve_x, halve_y = image.shape[1] >= 2 * width, image.shape[0] >= 2 * height
        if not (halve_x or halve_y):
            return image
        image = _halve(image, halve_x, halve_y)


def _halve(image: NDArray[np.uint8], halve_x: bool, halve_y: bool) -> NDArray[np.uint8]:
    """Means of two along the chosen axes; an odd last row or column is repeated."""
    height, width = image.shape[:2]
    odd_x = width % 2 if halve_x else 0
    odd_y = height % 2 if halve_y else 0
    if odd_x or odd_y:
        # Cropping would lose the edge of the part, where defects occur.
        image = _uint8(cv2.copyMakeBorder(image, 0, odd_y, 0, odd_x, cv2.BORDER_REPLICATE))
        height, width = image.shape[:2]
    if halve_x and halve_y:
        size_wh = (width // 2, height // 2)
        return _uint8(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA))
    first, second = _columns(image) if halve_x else (image[0::2], image[1::2])
    # Bit-identical to INTER_AREA along one axis, with halves rounded to even, and faster.
    return _uint8(cv2.addWeighted(first, 0.5, second, 0.5, 0))


def _columns(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The even and the odd columns. NumPy's strides would take six times as long."""
    height, width, *channels = image.shape
    of_two = 2 * math.prod(channels)
    even, odd = (np.empty((height, width // 2, *channels), np.uint8) for _ in range(2))
    pairs = image.reshape(height, width // 2, of_two)
    cv2.mixChannels([pairs], [even, odd], [each for each in range(of_two) for _ in range(2)])
    return even, odd


def _rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert grey (H, W) or BGR (H, W, 3) to RGB (H, W, 3)."""
    code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    return _uint8(cv2.cvtColor(image, code))


def _uint8(image: NDArray[Any]) -> NDArray[np.uint8]:
    """The same array: OpenCV keeps the dtype, but its type stubs do not declare it."""
    return np.asarray(image, np.uint8)


def _check(image: NDArray[np.uint8]) -> None:
    if not isinstance(image, np.ndarray):
        raise ImageError(
            f"an image must be a NumPy array. Received: {type(image).__name__}. "
            "Read files with cv2.imread."
        )
    good_shape = image.ndim == 3 and image.shape[2] == 3 and image.size > 0
    if image.dtype != np.uint8 or not good_shape:
        raise ImageError(
            "an image must be uint8 of shape (height, width, 3) in BGR order. "
            f"Received: {image.dtype} of shape {image.shape}. "
            "Convert it first, e.g. with cv2.cvtColor."
        )
