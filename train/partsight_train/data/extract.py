"""Conversion of a backbone to a plain function from images to feature vectors.

The function uses all cores of the machine, or its GPU.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight.image.normalization import Normalization
from partsight.inference.input_encoding import input_encoder
from partsight.inference.interpreter import Interpreter
from partsight.inference.runtimes import RuntimeOptions
from partsight.utils.native_output import suppressed_stderr
from partsight_train.backbones.backbone import Backbone
from partsight_train.conversion.convert import convert
from partsight_train.conversion.converter import converter_of
from partsight_train.data.calibration import Calibration
from partsight_train.network.tiles import by_image
from partsight_train.tensorflow_stack import tf

__all__ = ["Extractor", "run_on_all_cores", "open_extractor"]

Extractor = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

# Bytes. Every interpreter keeps its own copy of the weights: larger models get only one.
_LARGE_MODEL = 100_000_000


def open_extractor(backbone: Backbone, calibration: Calibration | None = None) -> Extractor:
    """Return a function from uint8 (N, H, W, 3) RGB to features float32 (N, T * D), for T tiles.

    With calibration images, the features are those of the int8 backbone. Otherwise, TensorFlow
    runs the float network on a GPU; on a CPU TFLite runs it, one image per core, in a third of
    TensorFlow's time.

    Raises:
        ModelError: the backbone cannot be converted to TFLite, so that no file could be exported.
    """

    def features(images: Any) -> Any:
        tiles = backbone.features(images)
        return tf.reshape(by_image(tiles, backbone.tiles), (-1, backbone.vector_size))

    def features_of_bytes(images: Any) -> Any:
        return features(tf.cast(images, tf.float32) / 255)

    shape = (backbone.spec.height, backbone.spec.width, 3)
    if calibration is None and tf.config.list_physical_devices("GPU"):
        run = tf.function(features_of_bytes, [tf.TensorSpec((None, *shape), tf.uint8)])
        return lambda images: np.asarray(run(images).numpy(), np.float32)
    try:
        if calibration is not None:
            model = convert(features, shape, "int8-float", calibration.images())
        else:
            converter = converter_of(features_of_bytes, tf.TensorSpec((1, *shape), tf.uint8))
            with suppressed_stderr():
                model = converter.convert()
    except Exception as error:  # noqa: BLE001 - the converter has no common exception class
        raise ModelError(
            f"cannot use {backbone.name} as a backbone: it cannot be converted to TFLite: "
            f"{error}. Choose another backbone."
        ) from error
    return run_on_all_cores(model)


def run_on_all_cores(model: bytes) -> Extractor:
    """Return a function that runs a flatbuffer of batch size 1, one image per core.

    Args:
        model: from uint8 (1, H, W, 3) RGB or float32 in [0, 1], to float32 (1, D).

    Returns:
        A function from uint8 (N, H, W, 3) RGB to float32 (N, D).
    """
    cores = os.cpu_count() or 1
    workers, threads = (1, cores) if len(model) > _LARGE_MODEL else (cores, 1)
    pool = ThreadPoolExecutor(workers)
    interpreters = [Interpreter(model, RuntimeOptions(threads=threads)) for _ in range(workers)]
    encode = input_encoder(interpreters[0].input, Normalization())
    idle: queue.SimpleQueue[Interpreter] = queue.SimpleQueue()
    for each in interpreters:
        idle.put(each)

    def extract(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        interpreter = idle.get()
        try:
            return np.asarray(interpreter.invoke(encode(image)[np.newaxis])[0], np.float32)
        finally:
            idle.put(interpreter)

    return lambda images: np.stack(list(pool.map(extract, images)))
