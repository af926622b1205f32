"""The real numbers that a network of another tool takes for the bytes of a picture."""

from __future__ import annotations

import numpy as np

from partsight.errors import ContractError
from partsight.image.normalization import Normalization
from partsight.model.tflite.tensors import Tensor

__all__ = ["third_party_normalization"]

# A quantized input was made for the numbers that it is fed: most of them lie within what it holds,
# also where it was calibrated on dark pictures, and they fill more than a few of its 256 steps.
_MOST_OUTSIDE = 0.4
_FEWEST_STEPS = 32


def third_party_normalization(
    image: Tensor,
    stated: Normalization | None,
    scale: float | None,
    offset: float,
    name: str,
    channels: int = 3,
) -> Normalization:
    """What a network is fed, by hand's word, else by its metadata's.

    Args:
        image: its input.
        stated: the mean and std in its metadata.
        scale, offset: given by hand: it takes byte * scale + offset; None where nothing is.
        name: of the model, for messages.
        channels: of the pictures that it takes, 3 or 1.

    Raises:
        ContractError: nothing is said, or what is said does not go with the input.
        ValueError: the scale is impossible.
    """
    if scale is not None:
        normalization = _given(image, scale, offset, name)
        _require_fit(image, normalization, f"{name} with --scale {scale:g} --offset {offset:g}")
        return normalization
    # As other tools do it: whoever takes bytes gets bytes, whatever real numbers they stand for.
    if image.dtype == "uint8" and image.scale:
        return Normalization((image.zero_point,), (1 / image.scale,))
    if image.dtype == "uint8":
        return Normalization()
    if stated is None:
        raise ContractError(
            f"{name} takes {image.dtype} and does not say what bytes are to become. Give what "
            "it was trained on: --scale and --offset, e.g. 0.00784314 and -1 for [-1, 1]"
        )
    if channels == 1:
        stated = _of_grey(stated, name)
    _require_fit(image, stated, f"{name} with the mean and std in its metadata")
    return stated


def _of_grey(stated: Normalization, name: str) -> Normalization:
    """The same for one channel: some tools write mean and std three times for grey, too."""
    mean, std = set(stated.mean), set(stated.std)
    if len(mean) > 1 or len(std) > 1:
        raise ContractError(
            f"{name} takes grey pictures, and its metadata give a mean and std for each of three "
            f"channels: expected one of each, received {stated.mean} and {stated.std}. Give what "
            "it was trained on: --scale and --offset"
        )
    return Normalization(tuple(mean), tuple(std))


def _given(image: Tensor, scale: float, offset: float, name: str) -> Normalization:
    if not (scale > 0 and np.isfinite([scale, offset]).all()):
        raise ValueError(
            f"a scale must be above 0, and an offset finite. Received: {scale} and {offset}"
        )
    if image.dtype == "uint8" and image.scale == 0:
        if (scale, offset) != (1, 0):
            raise ContractError(
                f"{name} takes the bytes of a picture as they are: expected no --scale and "
                f"--offset, received {scale:g} and {offset:g}. Leave them out."
            )
        return Normalization()
    return Normalization((-offset / scale,), (1 / scale,))


def _require_fit(image: Tensor, normalization: Normalization, what: str) -> None:
    """Refuse numbers that a quantized input does not hold: most pictures would look alike."""
    if image.dtype == "float32" or image.scale == 0:
        return
    least = -128 if image.dtype == "int8" else 0
    real = (np.arange(256)[:, np.newaxis] - normalization.mean) / normalization.std
    steps = np.round(real / image.scale) + image.zero_point
    outside = (steps < least - 1) | (steps > least + 256)
    if outside.mean() > _MOST_OUTSIDE or len(np.unique(steps)) < _FEWEST_STEPS:
        low, high = (image.scale * (least + n - image.zero_point) for n in (0, 255))
        raise ContractError(
            f"{what} cannot be used: bytes become {real.min():.4g} to {real.max():.4g}, and its "
            f"input holds {low:.4g} to {high:.4g}. Give the --scale and --offset that it was "
            f"trained on, e.g. {(high - low) / 255:.6g} and {low:.6g}"
        )
