"""Normalization of the input of a third-party model."""

from __future__ import annotations

import numpy as np

from partsight.errors import ContractError
from partsight.image.normalization import Normalization
from partsight.model.tflite.tensors import Tensor

__all__ = ["third_party_normalization"]

# The normalized bytes must fit the range of a quantized input: most lie within it, even if it was
# calibrated on dark images, and they use more than a few of its 256 steps.
_MAX_OUTSIDE = 0.4
_MIN_STEPS = 32


def third_party_normalization(
    image: Tensor,
    stated: Normalization | None,
    scale: float | None,
    offset: float,
    name: str,
    channels: int = 3,
) -> Normalization:
    """The normalization given by hand, or else that of the metadata.

    Args:
        image: the input tensor.
        stated: mean and std from the metadata, or None.
        scale, offset: given by hand, for byte * scale + offset; None if not given.
        name: of the model, for messages.
        channels: of the input, 3 or 1.

    Raises:
        ContractError: there is no normalization, or it does not fit the input tensor.
        ValueError: the scale is invalid.
    """
    if scale is not None:
        normalization = _given(image, scale, offset, name)
        _require_fit(image, normalization, f"{name} with --scale {scale:g} --offset {offset:g}")
        return normalization
    # Like other tools: a uint8 input gets the bytes themselves, whatever its quantization.
    if image.dtype == "uint8" and image.scale:
        return Normalization((image.zero_point,), (1 / image.scale,))
    if image.dtype == "uint8":
        return Normalization()
    if stated is None:
        raise ContractError(
            f"{name} has an input of {image.dtype} and no normalization. Give the one it was "
            "trained with: --scale and --offset, e.g. 0.00784314 and -1 for [-1, 1]"
        )
    if channels == 1:
        stated = _of_grey(stated, name)
    _require_fit(image, stated, f"{name} with the mean and std in its metadata")
    return stated


def _of_grey(stated: Normalization, name: str) -> Normalization:
    """The normalization for one channel; some tools write mean and std three times for grey."""
    mean, std = set(stated.mean), set(stated.std)
    if len(mean) > 1 or len(std) > 1:
        raise ContractError(
            f"{name} has a grey input, but its metadata has a mean and std for three channels: "
            f"expected one of each, received {stated.mean} and {stated.std}. Give the ones it was "
            "trained with: --scale and --offset"
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
                f"{name} has an input of plain bytes: expected no --scale and --offset, received "
                f"{scale:g} and {offset:g}. Leave them out."
            )
        return Normalization()
    return Normalization((-offset / scale,), (1 / scale,))


def _require_fit(image: Tensor, normalization: Normalization, what: str) -> None:
    """Refuse numbers outside the range of a quantized input: most images would look the same."""
    if image.dtype == "float32" or image.scale == 0:
        return
    least = -128 if image.dtype == "int8" else 0
    real = (np.arange(256)[:, np.newaxis] - normalization.mean) / normalization.std
    steps = np.round(real / image.scale) + image.zero_point
    outside = (steps < least - 1) | (steps > least + 256)
    if outside.mean() > _MAX_OUTSIDE or len(np.unique(steps)) < _MIN_STEPS:
        low, high = (image.scale * (least + n - image.zero_point) for n in (0, 255))
        raise ContractError(
            f"{what} cannot be used: bytes become {real.min():.4g} to {real.max():.4g}, but the "
            f"range of its input is {low:.4g} to {high:.4g}. Give the --scale and --offset that it "
            f"was trained with, e.g. {(high - low) / 255:.6g} and {low:.6g}"
        )
