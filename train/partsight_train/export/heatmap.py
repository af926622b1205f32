"""A second output of a network: a heat map of the evidence for a bad part.

It is a class activation map (B. Zhou et al., "Learning Deep Features for Discriminative
Localization", CVPR 2016): the kernel of the head, applied to each position of the feature maps
before pooling. It costs a 1x1 convolution to one channel per feature map, and some additions.

If a backbone pools maps of several depths, as the embedded backbones do, all are added up at
the resolution of the finest: on rendered parts with known defect positions, the maximum of the
map then lies on the defect in 99 of 100 parts, with the last map alone in 68.

The kernel of a maximum is applied to each position like that of a mean (M. Oquab et al., "Is
object localization for free?", CVPR 2015). The difference between maximum and mean belongs to no
position; it is spread over all of them, so that the mean of the map is always the margin.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight.model.contract import Contract
from partsight_train.export.variant import ReferenceModel
from partsight_train.network.pooled_maps import (
    UNREADABLE,
    PooledMaps,
    channel_axis,
    find_pooled_maps,
)
from partsight_train.network.test_time_augmentation import undo_transform
from partsight_train.network.tiles import Tiles, join_tile_maps
from partsight_train.tensorflow_stack import tf

__all__ = ["with_heatmap"]

# Tolerance relative to the largest weight, for float32 gradients of a linear head on two images.
_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A feature map with the weights of its channels in the margin.

    Attributes:
        tensor: graph tensor (V * T, h, w, C) or (V * T, C, h, w), for V views and T tiles.
        channel_axis: 3 or 1.
        kernel: weights, float32 (C,).
    """

    tensor: Any
    channel_axis: int
    kernel: NDArray[np.float32]


def with_heatmap(reference_model: ReferenceModel) -> ReferenceModel:
    """Add the heat map to the network of a model, and its size to the contract.

    The margin is the mean logit of the labels of bad parts minus that of the labels of good
    parts: for two labels the log-odds that the part is bad, in nats. The network gives the scores
    as before and the map, float32 (1, h, w, 1): the margin at each position, of any sign. The mean
    over the positions of a tile is the margin of the tile; without tiles, that of the image.

    Raises:
        ModelError: not both good and bad labels are known, or the logits are not linear in
            pooled feature maps.
    """
    draft = reference_model.draft
    weights = _margin_weights(draft)
    shape = (draft.preprocess.height, draft.preprocess.width, 3)
    try:
        found = find_pooled_maps(reference_model.network, shape)
        layers = () if found is None else _layers(found, weights, shape)
    except UNREADABLE as error:
        raise _impossible(f"TensorFlow cannot analyse the network: {error}") from error
    if found is None:
        raise _impossible("the backbone pools no feature maps")
    network = _network(found, layers, weights, draft.tiles)
    _, rows, columns, _ = network(tf.zeros((1, *shape)))[1].shape
    contract = dataclasses.replace(draft, heatmap=(int(rows), int(columns)))
    return dataclasses.replace(reference_model, network=network, draft=contract)


def _margin_weights(contract: Contract) -> NDArray[np.float32]:
    """The weight of each label in the margin, float32 (K,)."""
    accepted = contract.operating_point.accept_labels
    good = np.isin(contract.labels, accepted)
    if good.all() or not good.any():
        raise ModelError(
            "cannot add a heat map: it needs labels of good and of bad parts. Received the labels "
            f"{', '.join(contract.labels)}; good labels: {', '.join(accepted) or 'none'}. "
            "Train again with --accept-label."
        )
    return np.where(good, -1 / good.sum(), 1 / (~good).sum()).astype(np.float32)


def _layers(
    found: PooledMaps, weights: NDArray[np.float32], shape: tuple[int, ...]
) -> tuple[_Layer, ...]:
    """The pooled feature maps, the coarsest first."""
    layers: dict[str, _Layer] = {}
    for pool, kernel in zip(found.pools, _kernels(found, weights, shape), strict=True):
        (tensor, *_), axis = pool.inputs, channel_axis(pool)
        if axis is None or not tensor.shape.is_fully_defined():
            raise ValueError(f"the size of {tensor.name} is unknown")
        if pool.type == "Sum":
            kernel = kernel * (tensor.shape.num_elements() // tensor.shape[0] // tensor.shape[axis])
        # The same map is often pooled twice, by mean and by maximum.
        earlier = layers.get(tensor.name)
        layers[tensor.name] = _Layer(tensor, axis, kernel + (earlier.kernel if earlier else 0))
    return tuple(sorted(layers.values(), key=lambda layer: layer.tensor.shape[2]))


def _kernels(
    found: PooledMaps, weights: NDArray[np.float32], shape: tuple[int, ...]
) -> list[NDArray[np.float32]]:
    """Gradients of the margin by the pooled values of a tile, float32 (C,) per pool.

    If everything in between is linear, they are the weights of the head and do not depend on the
    image.
    """
    values = [pool.outputs[0] for pool in found.pools]
    with found.frozen.graph.as_default():
        margin = tf.reduce_sum(found.logits * weights)
        gradients = tf.gradients(
            margin, values, stop_gradients=values, unconnected_gradients="zero"
        )
    run = found.frozen.prune(found.frozen.inputs, gradients)
    noise = np.random.default_rng(0).random((1, *shape), np.float32)
    of_noise, of_black = (
        # The sum over views, which the network averages; the mean over tiles, which share them.
        [np.reshape(g, (g.shape[0], -1)).sum(0) / found.logits.shape[0] for g in run(image)]
        for image in (tf.constant(noise), tf.zeros((1, *shape)))
    )
    for ours, others in zip(of_noise, of_black, strict=True):
        if not np.allclose(ours, others, atol=_ROUNDING * np.abs(ours).max(initial=0), rtol=0):
            raise _impossible("the network between pooled feature maps and softmax is not linear")
    return of_noise


def _network(
    found: PooledMaps, layers: Sequence[_Layer], weights: NDArray[np.float32], tiles: Tiles
) -> Callable[[Any], tuple[Any, Any]]:
    """The network from an image to scores and heat map."""
    frozen = found.frozen
    tensors = [frozen.outputs[0], found.logits, *(layer.tensor for layer in layers)]
    run = frozen.prune(frozen.inputs, tensors)
    count = tiles[0] * tiles[1]

    def network(image: Any) -> tuple[Any, Any]:
        scores, logits, *maps = run(image)
        margins = [_weighted(*each) for each in zip(maps, layers, strict=True)]
        total = margins[0]
        for finer in margins[1:]:
            total = tf.image.resize(total, finer.shape[1:3]) + finer
        by_tile = _mean_over_views(total, count)
        margin = tf.reshape(tf.matmul(logits, weights[:, np.newaxis]), (count, 1, 1, 1))
        return scores, join_tile_maps(
            by_tile - tf.reduce_mean(by_tile, (1, 2), True) + margin, tiles
        )

    return network


def _weighted(values: Any, layer: _Layer) -> Any:
    """The weighted sum of the channels of a feature map, (V * T, h, w, 1)."""
    if layer.channel_axis == 1:
        values = tf.transpose(values, (0, 2, 3, 1))
    return tf.nn.conv2d(values, layer.kernel[np.newaxis, np.newaxis, :, np.newaxis], 1, "VALID")


def _mean_over_views(maps: Any, tiles: int) -> Any:
    """The mean (T, h, w, 1) of (V * T, h, w, 1), which has all tiles of the first view first."""
    if maps.shape[0] == tiles:
        return maps
    views = tf.split(maps, maps.shape[0] // tiles, axis=0)
    upright = [undo_transform(view, number) for number, view in enumerate(views)]
    # Not with ADD_N, which TFLite lacks in 16 bits.
    return tf.reduce_mean(tf.concat(upright, axis=3), axis=3, keepdims=True)


def _impossible(reason: str) -> ModelError:
    return ModelError(
        f"cannot add a heat map: {reason}. Expected a backbone that pools feature maps, and a "
        "linear head on these maps. Export without --heatmap, or train on efficientnet-lite0."
    )
