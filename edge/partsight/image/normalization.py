"""Normalization: the real numbers that a network expects for the bytes of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Normalization"]


@dataclass(frozen=True, slots=True)
class Normalization:
    """The real numbers that a network expects for bytes: (byte - mean) / std.

    Attributes:
        mean: one value for all channels, or three: red, green, blue.
        std: the same number of values, each above 0.

    Raises:
        ValueError: another number of values, or a value out of range.
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
