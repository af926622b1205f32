"""Encodes RGB bytes as the values of a model's input tensor.

The network is defined on real numbers r = (byte - mean) / std. A float tensor contains them. A
quantized one contains q = round(r / scale) + zero_point: only 256 values, from a lookup table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from partsight.image.normalization import Normalization
from partsight.model.tensor_layout import TensorLayout

if TYPE_CHECKING:
    from partsight.inference.interpreter import TensorInfo

__all__ = ["input_encoder", "grey"]


def input_encoder(
    info: TensorInfo, normalization: Normalization, layout: TensorLayout | None = None
) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    """A function that encodes one image for the input tensor.

    Args:
        info: the tensor.
        normalization: the real numbers that the network expects.
        layout: of the tensor; None means RGB, (H, W, 3).

    Returns:
        A function from uint8 (H, W, 3), RGB, to (H, W, C), or to (C, H, W) if channels come first,
        of the tensor's dtype.

    Raises:
        ValueError: a normalization of three channels for a grey input.
    """
    layout = layout or TensorLayout()
    look_up = _make_lookup(_table(info, normalization), layout)

    def encode(image: NDArray[np.uint8]) -> NDArray[Any]:
        values = look_up(grey(image) if layout.channels == 1 else image)
        return np.ascontiguousarray(values.transpose(2, 0, 1)) if layout.channels_first else values

    return look_up if layout == TensorLayout(single_score=layout.single_score) else encode


def grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert RGB to grey, uint8 (H, W, 3) to (H, W, 1), identical on every processor.

    (19595 R + 38470 G + 7471 B + 32768) / 65536, rounded down: the luma of ITU-R BT.601 in
    integers, identical to Pillow's ``convert("L")``.
    """
    weighted = image.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
    return ((weighted + 32768) >> 16).astype(np.uint8)[..., np.newaxis]


def _table(info: TensorInfo, normalization: Normalization) -> NDArray[Any]:
    """The tensor's value for each byte: (256, 1) for all channels, or (256, 3)."""
    real = (np.arange(256)[:, np.newaxis] - normalization.mean) / normalization.std
    if info.dtype == np.float32:
        return real.astype(np.float32)
    if info.scale == 0:  # not quantized: the bytes themselves
        return np.arange(256)[:, np.newaxis].astype(info.dtype)
    limits = np.iinfo(info.dtype)
    steps = np.round(real / info.scale) + info.zero_point
    clipped: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(info.dtype)
    return clipped


def _make_lookup(
    table: NDArray[Any], layout: TensorLayout
) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    if table.shape[1] == 3:
        if layout.channels == 1:
            raise ValueError("a grey image has one mean and one std. Received: three of each")
        channels = np.arange(3)
        return lambda image: table[image, channels]
    values = table[:, 0]
    if values.dtype == np.uint8 and np.array_equal(values, np.arange(256)):
        return lambda image: image  # the tensor contains the bytes themselves
    return lambda image: values[image]
