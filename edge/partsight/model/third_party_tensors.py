"""Input and output tensors of a third-party model, checked to be those of an image classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partsight.model.tensor_layout import TensorLayout
from partsight.model.tflite.tensors import Tensor, tensors_of

__all__ = ["ThirdPartyTensors", "third_party_tensors"]

_DTYPES = ("float32", "uint8", "int8")
_EXPECTED = (
    "expected one input (1, height, width, 3) or (1, height, width, 1), or the same with channels "
    "first, and one output (1, labels), of float32, uint8 or int8"
)

_OTHERS = "as in detectors and segmentation models"
_GIVE = "Give a classifier."
_QUANTIZE = "Export it as float32, or quantize it with a scale and zero point."


@dataclass(frozen=True, slots=True)
class ThirdPartyTensors:
    """The tensors of an image classifier.

    Attributes:
        image: the input.
        layout: of input and output.
        height, width: of the input image, pixels.
        scores: number of scores.
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
        ValueError: it is not an image classifier that can be run; the message has the reason.
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
            f"is not an image classifier: {_EXPECTED}. Received inputs {shapes[0]} and outputs "
            f"{shapes[1]}, {error}"
        ) from error
    layout = TensorLayout(channels, channels_first, count == 1)
    return ThirdPartyTensors(image, layout, height, width, count)


class _Unusable(Exception):
    """The tensors cannot be used; the message has the reason and the next step."""


def _listed(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"{each.shape} {each.dtype}" for each in tensors)


def _one(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    if len(tensors) != 1:
        raise _Unusable(f"{_OTHERS}. Give a model with one input and one output, the scores.")
    return tensors


def _channels_first(image: Tensor) -> bool:
    if len(image.shape) != 4:
        raise _Unusable(f"but the input is not an image. {_GIVE}")
    return image.shape[3] not in (1, 3) and image.shape[1] in (1, 3)


def _sizes(image: Tensor, channels_first: bool) -> tuple[int, int, int]:
    _, *sizes = image.shape
    channels, height, width = sizes if channels_first else (sizes[2], sizes[0], sizes[1])
    return channels, height, width


def _require_image_input(image: Tensor, channels: int) -> None:
    if any(axis > 0 for axis in image.open_axes):
        raise _Unusable(
            "with a variable image size, so that the size of the training images is unknown. "
            "Export it with a fixed height and width."
        )
    if image.shape[0] != 1:
        raise _Unusable("for several images at once. Export it for one image.")
    if channels not in (1, 3):
        raise _Unusable(f"an image of {channels} channels, not RGB or grey. {_GIVE}")
    if image.dtype not in _DTYPES:
        raise _Unusable(f"but the input is {image.dtype}. {_QUANTIZE}")
    if image.dtype == "int8" and image.scale == 0:
        raise _Unusable(f"but the input has no scale and zero point. {_QUANTIZE}")


def _score_count(scores: Tensor) -> int:
    if any(axis > 0 for axis in scores.open_axes):
        raise _Unusable("with a variable number of scores. Export it with a fixed size.")
    sizes = [size for size in scores.shape if size != 1]
    if len(sizes) > 1:
        raise _Unusable(f"{_OTHERS}. {_GIVE}")
    if scores.dtype not in _DTYPES:
        raise _Unusable(
            f"but the output is {scores.dtype}: not scores, but a decision, as after an argmax. "
            "Export it without argmax, or give another classifier."
        )
    if scores.dtype != "float32" and scores.scale == 0:
        raise _Unusable(f"but the output has no scale and zero point. {_QUANTIZE}")
    return sizes[0] if sizes else 1
