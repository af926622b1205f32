"""Layout of a model's input and output tensors."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TensorLayout"]


@dataclass(frozen=True, slots=True)
class TensorLayout:
    """Differences from an RGB input (1, height, width, 3) and an output (1, labels).

    Attributes:
        channels: 3 for RGB, 1 for grey, see ``inference.input_encoding.grey``.
        channels_first: whether the input is (1, channels, height, width).
        single_score: whether the output is one number, the probability of the second of two
            labels.

    Raises:
        ValueError: another number of channels, or a flag that is not true or false.
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
        """The shape of the input for one image."""
        if self.channels_first:
            return (1, self.channels, height, width)
        return (1, height, width, self.channels)
