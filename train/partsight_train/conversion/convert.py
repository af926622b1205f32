"""Conversion of a float network to a TFLite flatbuffer, in one of several number formats.

The flatbuffer has no contract yet.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight.inference.interpreter import Interpreter
from partsight.utils.native_output import suppressed_stderr
from partsight_train.conversion.converter import converter_of
from partsight_train.conversion.layers import head_of, layers_of
from partsight_train.conversion.names import IN_INT8, VariantName
from partsight_train.tensorflow_stack import quantize_calibrated, tf

__all__ = ["convert", "quantize", "convert_with_ranges"]

_INT8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
_INT16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def convert(
    network: Callable[[Any], Any],
    shape: tuple[int, int, int],
    variant: VariantName,
    calibration: Sequence[NDArray[np.uint8]] = (),
) -> bytes:
    """Convert a network.

    Args:
        network: float32 (1, H, W, 3), RGB in [0, 1], to probabilities, or to several outputs.
        shape: H, W and 3.
        variant: ``none`` is float32; ``float16`` has float16 weights; ``dynamic`` has int8
            weights and float activations; ``int8`` computes in int8 with uint8 input and output;
            ``int8-float`` does so up to the last dense layer, which it computes in float like the
            softmax, with float32 input and output; ``int16x8`` has int16 activations. The input
            of all but ``int8`` is float32 in [0, 1], and the output float32.
        calibration: images for the variants in ``CALIBRATED``, uint8 (H, W, 3) RGB. They set the
            ranges of all activations.

    Returns:
        A TFLite flatbuffer of batch size 1. The input of ``int8`` has exactly scale 1/255 and
        zero point 0, so that it takes the bytes of a frame.

    Raises:
        ModelError: the converter gave the input another quantization.
    """
    if variant in IN_INT8:
        return quantize(convert_with_ranges(network, shape, calibration), variant)
    converter = converter_of(network, tf.TensorSpec((1, *shape), tf.float32, "image"))
    if variant != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif variant == "dynamic":
        # One scale per row would need an operator that tflite-runtime 2.14 does not have.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    elif variant == "int16x8":
        converter.representative_dataset = functools.partial(representative, calibration)
        converter.target_spec.supported_ops = [_INT16]
    return _converted(converter)


def convert_with_ranges(
    network: Callable[[Any], Any],
    shape: tuple[int, int, int],
    calibration: Sequence[NDArray[np.uint8]],
) -> bytes:
    """Return the float network with the range of each activation: the input of ``quantize``.

    This is the slow step; one such flatbuffer can be quantized in several ways.
    """

    def pinned(image: Any) -> Any:
        # Otherwise the input would get the range of the calibration images, or of a constant.
        return network(tf.quantization.fake_quant_with_min_max_args(image, 0, 1))

    converter = converter_of(pinned, tf.TensorSpec((1, *shape), tf.float32, "image"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = functools.partial(representative, calibration)
    converter.target_spec.supported_ops = [_INT8]
    converter._experimental_calibrate_only = True
    return _converted(converter)


def quantize(ranged: bytes, variant: VariantName) -> bytes:
    """Quantize a flatbuffer with ranges.

    ``int8-float`` leaves the head in float: softmax and logits in int8 have 256 values, so that a
    float output alone would not make the steps of the scores finer.

    Args:
        ranged: flatbuffer from ``convert_with_ranges``.
        variant: one of ``IN_INT8``.

    Raises:
        ModelError: the converter gave the input another quantization.
    """
    in_float = head_of(layers_of(ranged)) if variant == "int8-float" else []
    layers = {layer.name for layer in in_float}
    outside = tf.uint8 if variant == "int8" else tf.float32
    with suppressed_stderr():
        flatbuffer: bytes = quantize_calibrated(
            ranged,
            input_data_type=outside,
            output_data_type=outside,
            denylisted_nodes=sorted(layers) or None,
        )
    if variant == "int8":
        _require_bytes(flatbuffer)
    return flatbuffer


def _converted(converter: Any) -> bytes:
    with suppressed_stderr():
        flatbuffer: bytes = converter.convert()
    return flatbuffer


def _require_bytes(flatbuffer: bytes) -> None:
    """Require the input scale of uint8 bytes; the converter chooses it, and any other is wrong."""
    received = Interpreter(flatbuffer).input
    if (np.float32(received.scale), received.zero_point) != (np.float32(1 / 255), 0):
        raise ModelError(
            "the converted file does not take the bytes of a frame: expected scale 1/255 and zero "
            f"point 0 for its input, received {received.scale} and {received.zero_point}. Nothing "
            "was delivered; choose another backbone."
        )


def representative(calibration: Sequence[NDArray[np.uint8]]) -> Iterator[list[Any]]:
    """Yield calibration images in the form that TFLite's converter takes."""
    for image in calibration:
        yield [image.astype(np.float32)[np.newaxis] / np.float32(255)]
