"""The layers that are most sensitive to int8, kept in float.

The sensitivity of a layer is how much closer the scores get if this layer alone stays in float.
The error of the layer's own values, as given by TensorFlow's quantization debugger, is no
substitute: if one channel far outside the range sets the step, the others vanish in the error.
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
# Number of calibration pictures to measure on: those with the least certain scores.
_PICTURES = 30
# A score of 1 in the numbers of the file.
_ONE = {"int8": 256, "int8-float": 1}


def sensitive_layers(
    reference_model: ReferenceModel, variant: VariantName, refused: ConversionSpec
) -> Iterator[tuple[str, ConversionSpec]]:
    """Yield specs with the most sensitive layer in float, then the first two, four and eight.

    A layer in float whose values are quantized for the next layer gains nothing, so the layers
    that read its values stay in float too.

    Raises:
        ModelError: the variant has no choice of layers, or no layer improves the scores.
    """
    if variant not in IN_INT8 or refused.calibration is None:
        raise ModelError(f"the converter cannot keep single layers of {variant} in float")
    calibration = refused.calibration.pictures()
    ranged = refused.ranged or with_ranges(refused.network, reference_model.shape, calibration)
    layers = layers_of(ranged)
    pictures, exact = _least_certain(reference_model, np.stack(calibration))

    def error(in_float: Sequence[str]) -> float:
        run = on_all_cores(quantize(ranged, variant, in_float))
        return float(np.abs(run(pictures) / _ONE[variant] - exact).mean())

    plain = error(refused.in_float)
    gains = {each: plain - error(_with_readers(layers, [each])) for each in layers}
    worst = sorted((each for each in layers if gains[each] > 0), key=lambda each: -gains[each])
    if not worst:
        raise ModelError("no single layer in float brings the scores closer")
    for count in _COUNTS[: 1 + int(np.searchsorted(_COUNTS, len(worst)))]:
        in_float = _with_readers(layers, worst[:count])
        yield (
            f"{len(in_float)} of {len(layers)} layers",
            dataclasses.replace(refused, in_float=in_float, ranged=ranged),
        )


def _least_certain(
    reference_model: ReferenceModel, pictures: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Select some of the pictures, uint8 (N, H, W, 3); also return their float scores."""
    scores = on_all_cores(convert(reference_model.network, reference_model.shape, "none"))(pictures)
    certainty = scores.max(axis=-1).reshape(len(pictures), -1).min(axis=1)
    chosen = np.argsort(certainty, kind="stable")[:_PICTURES]
    return pictures[chosen], scores[chosen]


def _with_readers(layers: Sequence[Layer], chosen: Sequence[Layer]) -> tuple[str, ...]:
    """Names of the layers and of those that read their values, in execution order."""
    names = {each.name for each in chosen}
    names |= {each.name for one in chosen for each in readers_of(layers, one.name)}
    return tuple(layer.name for layer in layers if layer.name in names)
