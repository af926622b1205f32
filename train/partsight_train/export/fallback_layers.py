"""The layers that int8 hurts most, kept in float.

How much it hurts a layer is measured by what the scores gain when it alone is left in float.
The error of the layer's own values, which TensorFlow's quantization debugger gives, does not tell:
where one value far out of range sets the steps, the others drown in them unseen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight_train.conversion.convert import convert, quantize, with_ranges
from partsight_train.conversion.layers import Layer, layers_of, readers_of
from partsight_train.conversion.names import IN_INT8, VariantName
from partsight_train.data.extract import on_all_cores
from partsight_train.export.variant import ConversionSpec, ReferenceModel

__all__ = ["sensitive_layers"]

_COUNTS = (1, 2, 4, 8)
# Calibration pictures to measure on, those that the float model is the least sure of.
_PICTURES = 30
# What a whole score is in the file's numbers.
_ONE = {"int8": 256, "int8-float": 1}


def sensitive_layers(
    reference_model: ReferenceModel, variant: VariantName, refused: ConversionSpec
) -> Iterator[tuple[str, ConversionSpec]]:
    """The worst layer kept in float, then the worst two, four and eight.

    A layer in float whose values are quantized for the next gains nothing: those that compute
    with its values are kept in float with it.

    Raises:
        ModelError: the variant takes no choice of layers, or none of them gains anything.
    """
    if variant not in IN_INT8 or refused.calibration is None:
        raise ModelError(f"the converter takes no choice of layers for {variant}")
    calibration = refused.calibration.pictures()
    ranged = refused.ranged or with_ranges(refused.network, reference_model.shape, calibration)
    layers = layers_of(ranged)
    pictures, exact = _least_sure(reference_model, np.stack(calibration))

    def error(in_float: Sequence[str]) -> float:
        run = on_all_cores(quantize(ranged, variant, in_float))
        return float(np.abs(run(pictures) / _ONE[variant] - exact).mean())

    plain = error(refused.in_float)
    gains = {each: plain - error(_with_readers(layers, [each])) for each in layers}
    worst = sorted((each for each in layers if gains[each] > 0), key=lambda each: -gains[each])
    if not worst:
        raise ModelError("no layer alone brings the scores closer when it is left in float")
    for count in _COUNTS[: 1 + int(np.searchsorted(_COUNTS, len(worst)))]:
        in_float = _with_readers(layers, worst[:count])
        yield (
            f"{len(in_float)} of {len(layers)} layers",
            dataclasses.replace(refused, in_float=in_float, ranged=ranged),
        )


def _least_sure(
    reference_model: ReferenceModel, pictures: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Some of the pictures, (N, H, W, 3), and the float model's scores of them."""
    scores = on_all_cores(convert(reference_model.network, reference_model.shape, "none"))(pictures)
    surety = scores.max(axis=-1).reshape(len(pictures), -1).min(axis=1)
    chosen = np.argsort(surety, kind="stable")[:_PICTURES]
    return pictures[chosen], scores[chosen]


def _with_readers(layers: Sequence[Layer], chosen: Sequence[Layer]) -> tuple[str, ...]:
    """The names of layers and of those that compute with their values, in the order they run."""
    names = {each.name for each in chosen}
    names |= {each.name for one in chosen for each in readers_of(layers, one.name)}
    return tuple(layer.name for layer in layers if layer.name in names)
