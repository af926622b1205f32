"""Test-time augmentation: features averaged over mirrored and rotated copies of an image.

A part that may lie in any orientation looks the same mirrored or rotated. Averaged features do not
depend on the orientation. The copies are part of the graph, so that the device runs one network;
the inference time grows with their number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight_train.tensorflow_stack import tf

__all__ = ["undo_transform", "averaged_features", "sum_aligned", "transformed"]

_MIRROR, _FLIP, _TRANSPOSE = 1, 2, 4


def transformed(images: Any, number: int) -> Any:
    """Return one of the eight symmetries of a square of images (N, H, W, C); 0 changes nothing.

    The bits of ``number`` are: 1 mirrors left to right, 2 top to bottom, 4 transposes. Images are
    NumPy arrays or TensorFlow tensors.
    """
    if number & _TRANSPOSE:
        axes = (0, 2, 1, 3)
        is_numpy = isinstance(images, np.ndarray)
        images = images.transpose(axes) if is_numpy else tf.transpose(images, axes)
    if number & _FLIP:
        images = images[:, ::-1]
    return images[:, :, ::-1] if number & _MIRROR else images


def averaged_features(layer: Callable[[Any], Any], images: Any, count: int) -> Any:
    """Return the mean features over the first ``count`` symmetries.

    Args:
        layer: function from images to features (N, D).
        images: a tensor (N, H, W, 3), square for 8 symmetries.
        count: 1, 2, 4 or 8.

    Returns:
        A tensor (N, D).
    """
    if count == 1:
        return layer(images)
    # All symmetries in one batch, so that the graph contains each weight once.
    features = layer(tf.concat([transformed(images, number) for number in range(count)], 0))
    return tf.reduce_mean(tf.reshape(features, (count, -1, features.shape[-1])), 0)


def undo_transform(maps: Any, number: int) -> Any:
    """Undo ``transformed``: return maps (N, H, W, C) of a symmetry in the original orientation."""
    if number & _MIRROR:
        maps = maps[:, :, ::-1]
    if number & _FLIP:
        maps = maps[:, ::-1]
    return transformed(maps, _TRANSPOSE) if number & _TRANSPOSE else maps


def sum_aligned(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of maps (V, h, w), one per symmetry, in the original orientation: (h, w)."""
    images = maps[:, np.newaxis, :, :, np.newaxis]
    aligned = (undo_transform(each, number)[0, :, :, 0] for number, each in enumerate(images))
    return np.asarray(sum(aligned, np.zeros(maps.shape[1:], np.float32)))
