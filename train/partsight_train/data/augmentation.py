"""Variation of training pictures: flips, turns, shifts and the like, by Keras's layers.

Enters: pictures as ``preprocess`` gives them. Leaves: varied ones of the same shape. What
a move uncovers is filled with the nearest pixel: a black border would be a defect.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight_train.settings import AugmentSettings
from partsight_train.tensorflow_stack import keras3, tf

__all__ = ["Augmentation", "seeded_variation", "augmentation"]

_BYTES = (0, 255)
_FILL = "nearest"


@dataclass(frozen=True, slots=True, eq=False)
class Augmentation:
    """One varied copy of every picture.

    Attributes:
        identity: what it depends on; part of the key that a copy's features are kept by.
        vary: of a picture uint8 (H, W, 3) and its key, any bytes: uint8 (H, W, 3).
    """

    identity: bytes
    vary: Callable[[NDArray[np.uint8], bytes], NDArray[np.uint8]]


def augmentation(settings: AugmentSettings, seed: int) -> Callable[[Any], Any]:
    """What varies each picture of a batch, anew at each call.

    Returns:
        A function of float32 tensors (N, H, W, 3) over [0, 255], for a TensorFlow graph.
    """
    generator = keras3.random.SeedGenerator(seed)
    layers = _layers(settings)
    return lambda pictures: _vary(layers, generator, pictures)


def seeded_variation(
    settings: AugmentSettings, shape: tuple[int, int, int], copy: int
) -> Augmentation:
    """The varied copy of this number, the same for the same picture wherever it is made.

    Args:
        settings: how much each thing varies.
        shape: (H, W, 3) of the pictures.
        copy: number of the copy.
    """
    choices = dataclasses.asdict(dataclasses.replace(settings, copies=0))
    identity = json.dumps([choices, copy, keras3.__version__]).encode()
    generator = keras3.random.SeedGenerator(0)
    layers = _layers(settings)
    state = generator.state.value

    def varied(picture: Any, start: Any) -> Any:
        state.assign(start)
        result = _vary(layers, generator, tf.cast(picture, tf.float32)[tf.newaxis])
        return tf.cast(tf.round(result[0]), tf.uint8)

    signature = [tf.TensorSpec(shape, tf.uint8), tf.TensorSpec([2], state.dtype)]
    run = tf.function(varied, input_signature=signature)

    def vary(picture: NDArray[np.uint8], key: bytes) -> NDArray[np.uint8]:
        digest = hashlib.sha256(identity + key).digest()
        start = np.frombuffer(digest[:8], np.uint32).astype(state.dtype.as_numpy_dtype)
        copied: NDArray[np.uint8] = run(picture, start).numpy()
        return copied

    return Augmentation(identity, vary)


def _vary(layers: list[Any], generator: Any, pictures: Any) -> Any:
    for layer in layers:
        chosen = layer.get_random_transformation(pictures, training=True, seed=generator)
        pictures = layer.transform_images(pictures, chosen, training=True)
    return tf.clip_by_value(pictures, *_BYTES)


def _layers(settings: AugmentSettings) -> list[Any]:
    """Keras 3 layers on float32 (N, H, W, 3) over [0, 255], in the order that they act."""
    layers, made = keras3.layers, []
    if settings.flip_left_right:
        made.append(layers.RandomFlip("horizontal"))
    if settings.flip_up_down:
        made.append(layers.RandomFlip("vertical"))
    if settings.rotation:
        made.append(layers.RandomRotation(settings.rotation / 360, _FILL))
    if settings.shear:
        reach = math.tan(math.radians(settings.shear))
        made.append(layers.RandomShear(reach, reach, fill_mode=_FILL))
    if settings.shift:
        made.append(layers.RandomTranslation(settings.shift, settings.shift, _FILL))
    if settings.zoom:
        made.append(layers.RandomZoom(settings.zoom, fill_mode=_FILL))
    if settings.crop:
        # A window of this size at a random place, stretched: what the shift uncovers on one
        # side is what the zoom cuts off there.
        made.append(layers.RandomTranslation(settings.crop / 2, settings.crop / 2, _FILL))
        made.append(layers.RandomZoom((-settings.crop, -settings.crop), fill_mode=_FILL))
    if settings.brightness:
        made.append(layers.RandomBrightness(settings.brightness, _BYTES))
    if settings.contrast:
        made.append(layers.RandomContrast(settings.contrast, _BYTES))
    return made
