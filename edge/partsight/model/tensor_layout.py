"""How a model's tensors hold a picture and its scores."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TensorLayout"]


@dataclass(frozen=True, slots=True)
class TensorLayout:
    """Where a model differs from RGB in (1, height, width, 3) and scores in (1, labels).

    Attributes:
        channels: 3 for RGB, 1 for grey; ``feed`` says how grey is made of RGB.
        channels_first: whether the input is (1, channels, height, width).
        single_score: whether the output is one number, the probability of the second of two
            labels; that of the first is what is left to 1.

    Raises:
        ValueError: another number of channels, or not true or false.
    """

    channels: int = 3
    channels_first: bool = False
    single_score: bool = False

    def __post_init__(self) -> None:
        if type(self.channels) is not int or self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3. Received: {self.channels!r}")
        if not isinstance(self.channels_first, bool) or not isinstance(self.single_score, bool):
            raise ValueError("channels_first and single_score must be true or false")

    def input_shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The shape of the input for one picture."""
        if self.channels_first:
            return (1, self.channels, height, width)
        return (1, height, width, self.channels)
