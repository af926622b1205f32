"""The trained network as a fully quantized ``.tflite`` flatbuffer.

Enters: a backbone, a head and calibration pictures. Leaves: bytes without a contract;
``train`` attaches it once the operating point was chosen on those very bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight.interpreter import Interpreter
from partsight.native_output import held_stderr
from partsight.pictures import read_pictures
from partsight.preprocess import preprocess
from partsight.preprocess_spec import PreprocessSpec
from partsight_train.backbones.backbone import Backbone
from partsight_train.converter import converter_of
from partsight_train.dataset import LabelledPicture
from partsight_train.heads.head import Head
from partsight_train.tensorflow_stack import keras, tf
from partsight_train.tiles import by_picture

__all__ = ["assemble", "calibration_pictures", "convert_int8"]


def assemble(backbone: Backbone, head: Head, output_name: str = "head") -> keras.Model:
    """Join backbone and head.

    Args:
        backbone: gives the features.
        head: gives the probabilities.
        output_name: of the softmax layer, and so of the SavedModel's output.

    Returns:
        A model from float32 (N, H, W, 3), RGB in [0, 1], to probabilities (N, K), or
        (N, T, K) where pictures are cut into T tiles.
    """
    picture = keras.Input((backbone.spec.height, backbone.spec.width, 3), name="image")
    dense = keras.layers.Dense(len(head.bias), "softmax", name=output_name)
    scores = by_picture(dense(backbone.features(picture)), backbone.tiles)
    model = keras.Model(picture, scores)
    dense.set_weights([head.kernel, head.bias])
    return model


def calibration_pictures(
    pictures: Sequence[LabelledPicture], spec: PreprocessSpec, count: int, seed: int
) -> list[NDArray[np.uint8]]:
    """Choose at most ``count`` training pictures at random, as the network is fed them."""
    paths = [picture.path for picture in pictures]
    chosen = random.Random(seed).sample(paths, min(count, len(paths)))
    decoded = (picture for _, picture in read_pictures(chosen, spec))
    return [preprocess(picture, spec) for picture in decoded if isinstance(picture, np.ndarray)]


def convert_int8(model: keras.Model, calibration: Sequence[NDArray[np.uint8]]) -> bytes:
    """Quantize weights and activations to int8, with uint8 input and output.

    The input's quantization is exactly scale 1/255, zero point 0, over [0, 1]: the bytes
    of a frame are fed as they are.

    Args:
        model: from ``assemble``.
        calibration: training pictures as ``preprocess`` gives them, uint8 (H, W, 3) RGB.
            The ranges of all activations are taken from them.

    Returns:
        A TFLite flatbuffer of batch size 1.

    Raises:
        ModelError: the converter gave the input another quantization.
    """

    def pinned(image: Any) -> Any:
        # Else the input's range would be that of the calibration pictures, or of whatever
        # constant the converter finds beside it.
        whole = tf.quantization.fake_quant_with_min_max_args(image, 0, 1)
        return model(whole, training=False)

    picture = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, "image")
    converter = converter_of(pinned, picture)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _representative(calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    with held_stderr():
        flatbuffer: bytes = converter.convert()
    _require_bytes(flatbuffer)
    return flatbuffer


def _representative(calibration: Sequence[NDArray[np.uint8]]) -> Iterator[list[Any]]:
    """Calibration pictures as the network is fed them."""
    for picture in calibration:
        yield [picture.astype(np.float32)[np.newaxis] / np.float32(255)]


def _require_bytes(flatbuffer: bytes) -> None:
    """The converter picks the input's scale; with another one every score would be wrong."""
    received = Interpreter(flatbuffer).input
    if (np.float32(received.scale), received.zero_point) != (np.float32(1 / 255), 0):
        raise ModelError(
            "the converter made a file that does not take a frame's bytes as they are: expected "
            f"scale 1/255 and zero point 0 of its input, received {received.scale} and "
            f"{received.zero_point}. Nothing was delivered; choose another backbone."
        )
