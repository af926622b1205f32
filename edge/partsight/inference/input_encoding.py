"""From a picture's bytes to what a model's input tensor takes.

The network is defined on real numbers r = (byte - mean) / std. A float tensor takes them as
they are. A quantized one takes q = round(r / scale) + zero_point, of which there are but 256,
so that they are looked up.
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
    """A function from uint8 (H, W, 3), RGB, to what the tensor takes for one picture.

    Args:
        info: the tensor.
        normalization: the real numbers that the network takes.
        layout: how the tensor holds a picture; None is RGB, (H, W, 3).

    Returns:
        It gives (H, W, C), or (C, H, W) where channels come first, of the tensor's dtype.

    Raises:
        ValueError: a normalization of three channels for a grey picture.
    """
    layout = layout or TensorLayout()
    look_up = _looked_up(_table(info, normalization), layout)

    def feed(image: NDArray[np.uint8]) -> NDArray[Any]:
        fed = look_up(grey(image) if layout.channels == 1 else image)
        return np.ascontiguousarray(fed.transpose(2, 0, 1)) if layout.channels_first else fed

    return look_up if layout == TensorLayout(single_score=layout.single_score) else feed


def grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey of RGB, uint8 (H, W, 3) to (H, W, 1), the same on every processor.

    (19595 R + 38470 G + 7471 B + 32768) / 65536, rounded down: the luma of ITU-R BT.601 in whole
    numbers, to the byte what Pillow's ``convert("L")`` gives.
    """
    weighted = image.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
    return ((weighted + 32768) >> 16).astype(np.uint8)[..., np.newaxis]


def _table(info: TensorInfo, normalization: Normalization) -> NDArray[Any]:
    """What the tensor takes for each byte: (256, 1) for all channels, or (256, 3)."""
    real = (np.arange(256)[:, np.newaxis] - normalization.mean) / normalization.std
    if info.dtype == np.float32:
        return real.astype(np.float32)
    if info.scale == 0:  # whole numbers that stand for themselves
        return np.arange(256)[:, np.newaxis].astype(info.dtype)
    limits = np.iinfo(info.dtype)
    steps = np.round(real / info.scale) + info.zero_point
    clipped: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(info.dtype)
    return clipped


def _looked_up(
    table: NDArray[Any], layout: TensorLayout
) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    if table.shape[1] == 3:
        if layout.channels == 1:
            raise ValueError("a grey picture has one mean and one std. Received: three of each")
        channels = np.arange(3)
        return lambda image: table[image, channels]
    of_all = table[:, 0]
    if of_all.dtype == np.uint8 and np.array_equal(of_all, np.arange(256)):
        return lambda image: image  # the bytes of a frame as they are
    return lambda image: of_all[image]
