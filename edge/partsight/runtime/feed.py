"""From a picture's bytes to what a model's input tensor takes.

The network is defined on real numbers r = (byte - mean) / std. A float tensor takes them as
they are. A quantized one takes q = round(r / scale) + zero_point, of which there are but 256,
so that they are looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from partsight.runtime.interpreter import TensorInfo

__all__ = ["Normalization", "feeder"]


@dataclass(frozen=True, slots=True)
class Normalization:
    """The real numbers that a network takes for bytes: (byte - mean) / std.

    Attributes:
        mean: one for all channels, or three: red, green, blue.
        std: as many, each above 0.

    Raises:
        ValueError: another number of them, or out of range.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (255.0,)

    def __post_init__(self) -> None:
        counts = {len(self.mean), len(self.std)}
        numbers = [*self.mean, *self.std]
        if counts not in ({1}, {3}) or not np.isfinite(numbers).all() or min(self.std) <= 0:
            raise ValueError(
                "a normalization must have a mean and a std above 0, or three of each. "
                f"Received: {self.mean} and {self.std}"
            )


def feeder(
    info: TensorInfo, normalization: Normalization
) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    """A function from uint8 (H, W, 3), RGB, to what the tensor takes, of the same shape."""
    # A column a channel, or one for all.
    real = (np.arange(256)[:, np.newaxis] - normalization.mean) / normalization.std
    if info.dtype == np.float32:
        table: NDArray[Any] = real.astype(np.float32)
    elif info.scale == 0:  # whole numbers that stand for themselves
        table = np.arange(256)[:, np.newaxis].astype(info.dtype)
    else:
        limits = np.iinfo(info.dtype)
        steps = np.round(real / info.scale) + info.zero_point
        table = np.clip(steps, limits.min, limits.max).astype(info.dtype)
    if table.shape[1] == 3:
        channels = np.arange(3)
        return lambda picture: table[picture, channels]
    of_all = table[:, 0]
    if np.array_equal(of_all, np.arange(256)):
        return lambda picture: picture  # the bytes of a frame as they are
    return lambda picture: of_all[picture]
