"""Class activation maps for any backbone: the places in an image that support a label.

``pooled_maps`` finds the feature maps that the network pools before its logits. The contribution of
a position to the label's margin is the sum over channels of activation x gradient: HiResCAM
(R. Draelos and L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of
convolutional neural networks", 2020). With a linear head on mean and maximum pools, the
contributions and the head's bias add up to the margin exactly.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.image.decode import decode
from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec
from partsight.utils.opencv import cv2
from partsight_train.network.pooled_maps import UNREADABLE, channel_axis, find_pooled_maps
from partsight_train.network.test_time_augmentation import sum_aligned
from partsight_train.network.tiles import Tiles, join
from partsight_train.tensorflow_stack import keras, tf

__all__ = ["contributions", "map_of_file"]

logger = logging.getLogger(__name__)

Contributions = Callable[[NDArray[np.uint8], int], list[NDArray[np.float32]]]


def map_of_file(
    model: keras.Model, spec: PreprocessSpec, tiles: Tiles = (1, 1)
) -> Callable[[Path, int], NDArray[np.float32] | None]:
    """Return a function that computes activation maps of image files.

    Args:
        model: float model from ``export.assemble``.
        spec: preprocessing of its input.
        tiles: tiles of an image; each is explained separately.

    Returns:
        A function from an image file and a label's index to a map, float32
        (spec.height, spec.width), over the whole image: the contribution of each pixel to the
        label's margin, see ``contributions``; None if the backbone pools no maps. It raises
        ``ImageError`` for files that cannot be decoded. Its first call takes some seconds.
    """
    explain_once = functools.cache(lambda: contributions(model, tiles))

    def map_of(path: Path, label: int) -> NDArray[np.float32] | None:
        explain = explain_once()
        if explain is None:
            return None
        total = np.zeros((spec.height, spec.width), np.float32)
        for part in explain(preprocess(decode(path, spec), spec), label):
            # The contribution of a position is spread over its pixels.
            enlarged = cv2.resize(part, total.shape[::-1], interpolation=cv2.INTER_LINEAR)
            total += enlarged * (part.size / total.size)
        return total

    return map_of


def contributions(model: keras.Model, tiles: Tiles = (1, 1)) -> Contributions | None:
    """Explain a model by the feature maps that it pools.

    Args:
        model: float32 (N, H, W, 3), RGB in [0, 1], to softmax probabilities (N, K), or (N, T, K)
            with tiles.
        tiles: R and C; the maps of tiles are joined.

    Returns:
        None if the model has no such maps or TensorFlow cannot analyse it. Otherwise a function
        from an image, uint8 (H, W, 3) RGB, and a label's index to one array per pool, float32
        (h, w): the contribution of each position to the label's margin, which is its logit minus
        the mean logit of the other labels (for two labels: the log-odds). A softmax depends on
        such differences only.
    """
    try:
        found = _find(model)
    except UNREADABLE as error:
        # The maps only explain mistakes in a report, so training does not fail.
        logger.warning(
            "the report has no activation maps: TensorFlow cannot analyse the network: %s", error
        )
        return None
    if found is None:
        return None
    run, count = found

    def explain(image: NDArray[np.uint8], label: int) -> list[NDArray[np.float32]]:
        batch = tf.constant(image[np.newaxis] / np.float32(255), tf.float32)
        others = np.full(count, -1 / max(1, count - 1), np.float32)
        others[label] = 1
        return [_as_seen(share.numpy(), tiles) for share in run(batch, tf.constant(others))]

    return explain


def _as_seen(share: NDArray[np.float32], tiles: Tiles) -> NDArray[np.float32]:
    """Join maps (V * T, h, w), ordered by symmetry, then tile, to (R * h, C * w)."""
    count = tiles[0] * tiles[1]
    return join(np.stack([sum_aligned(share[tile::count]) for tile in range(count)]), tiles)


def _find(model: keras.Model) -> tuple[Any, int] | None:
    """Return a function from an image and label weights to contributions, and the label count."""
    found = find_pooled_maps(lambda image: model(image, training=False), model.input_shape[1:])
    if found is None:
        return None
    frozen, logits = found.frozen, found.logits
    with frozen.graph.as_default():
        weights = tf.compat.v1.placeholder(tf.float32, logits.shape[1:])
        shares = _shares(found.pools, tf.reduce_sum(logits * weights))
    return frozen.prune([frozen.inputs[0], weights], shares), int(logits.shape[1])


def _shares(pools: Sequence[Any], margin: Any) -> list[Any]:
    values = [pool.outputs[0] for pool in pools]
    # Pools are independent: if one feeds another, the contribution belongs to the later one.
    by_value = tf.gradients(margin, values, stop_gradients=values, unconnected_gradients="zero")
    shares = []
    for pool, upstream in zip(pools, by_value, strict=True):
        activation = pool.inputs[0]
        (gradient,) = tf.gradients(pool.outputs[0], activation, grad_ys=upstream)
        shares.append(tf.reduce_sum(activation * gradient, channel_axis(pool)))
    return shares
