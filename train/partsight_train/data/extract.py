"""A backbone as a plain function from pictures to feature vectors, as fast as this machine can.

Enters: a ``Backbone``. Leaves: a function. Called by ``features``.
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
from partsight.utils.native_output import held_stderr
from partsight_train.backbones.backbone import Backbone
from partsight_train.conversion.convert import convert
from partsight_train.conversion.converter import converter_of
from partsight_train.data.calibration import Calibration
from partsight_train.network.tiles import by_image
from partsight_train.tensorflow_stack import tf

__all__ = ["Extractor", "on_all_cores", "open_extractor"]

Extractor = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

# Every interpreter packs the weights for itself: of larger models there is but one.
_LARGE_MODEL = 100_000_000


def open_extractor(backbone: Backbone, calibration: Calibration | None = None) -> Extractor:
    """A function from uint8 (N, H, W, 3), RGB, to features float32 (N, T * D).

    With calibration pictures they are those that the backbone gives in int8. Else a GPU is
    TensorFlow's; on a CPU TFLite runs the same float network, a picture a core, in a third of
    TensorFlow's time.

    Raises:
        ModelError: the backbone cannot be converted, so no file could be made of it either.
    """

    def features(pictures: Any) -> Any:
        tiles = backbone.features(pictures)
        return tf.reshape(by_image(tiles, backbone.tiles), (-1, backbone.vector_size))

    def of_bytes(pictures: Any) -> Any:
        return features(tf.cast(pictures, tf.float32) / 255)

    shape = (backbone.spec.height, backbone.spec.width, 3)
    if calibration is None and tf.config.list_physical_devices("GPU"):
        run = tf.function(of_bytes, [tf.TensorSpec((None, *shape), tf.uint8)])
        return lambda pictures: np.asarray(run(pictures).numpy(), np.float32)
    try:
        if calibration is not None:
            model = convert(features, shape, "int8-float", calibration.pictures())
        else:
            converter = converter_of(of_bytes, tf.TensorSpec((1, *shape), tf.uint8))
            with held_stderr():
                model = converter.convert()
    except Exception as error:  # noqa: BLE001 - the converter raises what its parts raise
        raise ModelError(
            f"cannot use {backbone.name} as a backbone: TFLite has no way to run it: {error}. "
            "Choose another."
        ) from error
    return on_all_cores(model)


def on_all_cores(model: bytes) -> Extractor:
    """A function that runs a flatbuffer of one picture, a picture a core."""
    cores = os.cpu_count() or 1
    workers, threads = (1, cores) if len(model) > _LARGE_MODEL else (cores, 1)
    pool = ThreadPoolExecutor(workers)
    interpreters = [Interpreter(model, threads=threads) for _ in range(workers)]
    feed = input_encoder(interpreters[0].input, Normalization())
    idle: queue.SimpleQueue[Interpreter] = queue.SimpleQueue()
    for each in interpreters:
        idle.put(each)

    def extract(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        interpreter = idle.get()
        try:
            return np.asarray(interpreter.invoke(feed(picture)[np.newaxis])[0], np.float32)
        finally:
            idle.put(interpreter)

    return lambda pictures: np.stack(list(pool.map(extract, pictures)))
