"""A picture's views: mirrored and turned by quarters, and the features that they share.

A part that may lie any way round looks as good mirrored or turned; the mean over its views
no longer depends on how it lay, and on what the backbone makes of one view by chance. It
goes into the graph, so that the device sees one network; a frame takes as many times longer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight_train.tensorflow_stack import tf

__all__ = ["as_seen", "averaged", "sum_as_seen", "view"]

_MIRROR, _FLIP, _TRANSPOSE = 1, 2, 4


def view(pictures: Any, number: int) -> Any:
    """A view of pictures, NumPy's or TensorFlow's, (N, H, W, C); number 0 is as they are.

    The numbers below 2 are mirrored left to right or not, those below 4 also top to bottom,
    those below 8 also transposed: the eight symmetries of a square.
    """
    if number & _TRANSPOSE:
        axes = (0, 2, 1, 3)
        turn = pictures.transpose if isinstance(pictures, np.ndarray) else None
        pictures = turn(axes) if turn else tf.transpose(pictures, axes)
    if number & _FLIP:
        pictures = pictures[:, ::-1]
    return pictures[:, :, ::-1] if number & _MIRROR else pictures


def averaged(layer: Callable[[Any], Any], pictures: Any, views: int) -> Any:
    """Mean features over views.

    Args:
        layer: from pictures to features (N, D).
        pictures: a tensor (N, H, W, 3); square, for 8 views.
        views: 1, 2, 4 or 8.

    Returns:
        A tensor (N, D).
    """
    if views == 1:
        return layer(pictures)
    # One batch of all views: each weight is in the graph once.
    features = layer(tf.concat([view(pictures, number) for number in range(views)], 0))
    return tf.reduce_mean(tf.reshape(features, (views, -1, features.shape[-1])), 0)


def as_seen(maps: Any, number: int) -> Any:
    """Undo ``view``: maps (N, H, W, C) of a view, turned back to how the pictures lie."""
    if number & _MIRROR:
        maps = maps[:, :, ::-1]
    if number & _FLIP:
        maps = maps[:, ::-1]
    return view(maps, _TRANSPOSE) if number & _TRANSPOSE else maps


def sum_as_seen(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Maps (V, h, w) of all the views of one picture, turned back and added up: (h, w)."""
    pictures = maps[:, np.newaxis, :, :, np.newaxis]
    turned = (as_seen(part, number)[0, :, :, 0] for number, part in enumerate(pictures))
    return np.asarray(sum(turned, np.zeros(maps.shape[1:], np.float32)))
