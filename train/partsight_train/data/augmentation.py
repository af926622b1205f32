"""Augmentation of training images: flips, rotations, shifts and similar, by Keras layers.

Images keep their shape. Pixels that a movement uncovers are filled with the nearest pixel,
because a black border would look like a defect.
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

__all__ = ["Augmentation", "random_augmentation", "seeded_augmentation"]

_BYTE_RANGE = (0, 255)
_FILL = "nearest"


@dataclass(frozen=True, slots=True, eq=False)
class Augmentation:
    """One augmented copy of every image.

    Attributes:
        identity: everything that the copy depends on; part of the cache key of its features.
        apply: function from an image, uint8 (H, W, 3), and its key, any bytes, to the augmented
            image, uint8 (H, W, 3).
    """

    identity: bytes
    apply: Callable[[NDArray[np.uint8], bytes], NDArray[np.uint8]]


def random_augmentation(settings: AugmentSettings, seed: int) -> Callable[[Any], Any]:
    """Return a function that augments each image of a batch, differently at each call.

    Returns:
        A function of float32 tensors (N, H, W, 3) in [0, 255], for a TensorFlow graph.
    """
    generator = keras3.random.SeedGenerator(seed)
    layers = _layers(settings)
    return lambda images: _apply(layers, generator, images)


def seeded_augmentation(
    settings: AugmentSettings, shape: tuple[int, int, int], copy: int
) -> Augmentation:
    """Return the augmented copy with this number. An image always gets the same result.

    Args:
        settings: strength of each augmentation.
        shape: (H, W, 3) of the images.
        copy: number of the copy, from 0.
    """
    choices = dataclasses.asdict(dataclasses.replace(settings, copies=0))
    identity = json.dumps([choices, copy, keras3.__version__]).encode()
    generator = keras3.random.SeedGenerator(0)
    layers = _layers(settings)
    state = generator.state.value

    def augmented(image: Any, start: Any) -> Any:
        state.assign(start)
        result = _apply(layers, generator, tf.cast(image, tf.float32)[tf.newaxis])
        return tf.cast(tf.round(result[0]), tf.uint8)

    signature = [tf.TensorSpec(shape, tf.uint8), tf.TensorSpec([2], state.dtype)]
    run = tf.function(augmented, input_signature=signature)

    def apply(image: NDArray[np.uint8], key: bytes) -> NDArray[np.uint8]:
        digest = hashlib.sha256(identity + key).digest()
        start = np.frombuffer(digest[:8], np.uint32).astype(state.dtype.as_numpy_dtype)
        copied: NDArray[np.uint8] = run(image, start).numpy()
        return copied

    return Augmentation(identity, apply)


def _apply(layers: list[Any], generator: Any, images: Any) -> Any:
    for layer in layers:
        chosen = layer.get_random_transformation(images, training=True, seed=generator)
        images = layer.transform_images(images, chosen, training=True)
    return tf.clip_by_value(images, *_BYTE_RANGE)


def _layers(settings: AugmentSettings) -> list[Any]:
    """Return Keras 3 layers for float32 (N, H, W, 3) in [0, 255], in the order of application."""
    layers, chosen = keras3.layers, []
    if settings.flip_left_right:
        chosen.append(layers.RandomFlip("horizontal"))
    if settings.flip_up_down:
        chosen.append(layers.RandomFlip("vertical"))
    if settings.rotation:
        chosen.append(layers.RandomRotation(settings.rotation / 360, _FILL))
    if settings.shear:
        reach = math.tan(math.radians(settings.shear))
        chosen.append(layers.RandomShear(reach, reach, fill_mode=_FILL))
    if settings.shift:
        chosen.append(layers.RandomTranslation(settings.shift, settings.shift, _FILL))
    if settings.zoom:
        chosen.append(layers.RandomZoom(settings.zoom, fill_mode=_FILL))
    if settings.crop:
        # A window at a random place, stretched: the zoom cuts off the border that the shift
        # uncovers.
        chosen.append(layers.RandomTranslation(settings.crop / 2, settings.crop / 2, _FILL))
        chosen.append(layers.RandomZoom((-settings.crop, -settings.crop), fill_mode=_FILL))
    if settings.brightness:
        chosen.append(layers.RandomBrightness(settings.brightness, _BYTE_RANGE))
    if settings.contrast:
        chosen.append(layers.RandomContrast(settings.contrast, _BYTE_RANGE))
    return chosen
