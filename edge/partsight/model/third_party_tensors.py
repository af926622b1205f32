"""How a model of another tool takes a picture and gives its scores, or why it cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partsight.model.tensor_layout import TensorLayout
from partsight.model.tflite.tensors import Tensor, tensors_of

__all__ = ["ThirdPartyTensors", "third_party_tensors"]

_TAKEN = ("float32", "uint8", "int8")
_EXPECTED = (
    "expected one input (1, height, width, 3) or (1, height, width, 1), or the same with channels "
    "first, and one output (1, labels), of float32, uint8 or int8"
)

_OTHERS = "as detectors, segmenters and others have"
_GIVE = "Give a classifier."
_QUANTIZE = "Export it as float32, or quantize it with a scale and zero point."


@dataclass(frozen=True, slots=True)
class ThirdPartyTensors:
    """The tensors of an image classifier.

    Attributes:
        image: its input.
        layout: how that holds a picture, and whether the output is one number.
        height, width: of a picture, in pixels.
        scores: how many numbers it gives.
    """

    image: Tensor
    layout: TensorLayout
    height: int
    width: int
    scores: int


def third_party_tensors(data: bytes) -> ThirdPartyTensors:
    """The tensors of a verified model.

    Raises:
        Malformed: its graph is damaged.
        ValueError: it is no image classifier, or not one that can be run; says why.
    """
    inputs, outputs = tensors_of(data)
    shapes = [_listed(each) for each in (inputs, outputs)]
    try:
        (image,), (scores,) = _one(inputs), _one(outputs)
        channels_first = _channels_first(image)
        channels, height, width = _sizes(image, channels_first)
        _require_image_input(image, channels)
        count = _score_count(scores)
    except _Unusable as error:
        raise ValueError(
            f"is no image classifier: {_EXPECTED}. Received inputs {shapes[0]} and outputs "
            f"{shapes[1]}, {error}"
        ) from error
    layout = TensorLayout(channels, channels_first, count == 1)
    return ThirdPartyTensors(image, layout, height, width, count)


class _Unusable(Exception):
    """What is wrong with the tensors, and what to do."""


def _listed(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"{each.shape} {each.dtype}" for each in tensors)


def _one(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    if len(tensors) != 1:
        raise _Unusable(f"{_OTHERS}. Give a model with one input and one output, the scores.")
    return tensors


def _channels_first(image: Tensor) -> bool:
    if len(image.shape) != 4:
        raise _Unusable(f"of which the input is no picture. {_GIVE}")
    return image.shape[3] not in (1, 3) and image.shape[1] in (1, 3)


def _sizes(image: Tensor, channels_first: bool) -> tuple[int, int, int]:
    _, *sizes = image.shape
    channels, height, width = sizes if channels_first else (sizes[2], sizes[0], sizes[1])
    return channels, height, width


def _require_image_input(image: Tensor, channels: int) -> None:
    if any(axis > 0 for axis in image.open_axes):
        raise _Unusable(
            "and leaves the size of a picture open, so that the one it was trained on is not "
            "known. Export it with a fixed height and width."
        )
    if image.shape[0] != 1:
        raise _Unusable("for several pictures at once. Export it for one picture.")
    if channels not in (1, 3):
        raise _Unusable(f"a picture of {channels} channels, neither RGB nor grey. {_GIVE}")
    if image.dtype not in _TAKEN:
        raise _Unusable(f"of which the input is {image.dtype}. {_QUANTIZE}")
    if image.dtype == "int8" and image.scale == 0:
        raise _Unusable(f"of which the input does not say what its numbers mean. {_QUANTIZE}")


def _score_count(scores: Tensor) -> int:
    if any(axis > 0 for axis in scores.open_axes):
        raise _Unusable("and leaves the number of scores open. Export it with a fixed size.")
    sizes = [size for size in scores.shape if size != 1]
    if len(sizes) > 1:
        raise _Unusable(f"{_OTHERS}. {_GIVE}")
    if scores.dtype not in _TAKEN:
        raise _Unusable(
            f"of which the output is {scores.dtype}: no scores, but a decision, as after an "
            "argmax. Export it without that, or give another classifier."
        )
    if scores.dtype != "float32" and scores.scale == 0:
        raise _Unusable(f"of which the output does not say what its numbers mean. {_QUANTIZE}")
    return sizes[0] if sizes else 1
