"""A second output for a network: where in the picture the evidence for a bad part lies.

Enters: an approved model. Leaves: the same with a network that also gives a class activation
map (B. Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016): the
head's kernel, applied to each position of the feature maps before they are pooled. It costs
a 1x1 convolution to one channel for each map, and some additions on that.

Where a backbone pools maps of several depths, as the embedded ones do, all of them are added
up at the resolution of the finest: on rendered parts with defects of known places, the map's
maximum then lies on the defect in 99 of 100 parts, with the last map alone in 68.

A maximum's kernel is applied to each position as a mean's is (M. Oquab et al., "Is object
localization for free?", CVPR 2015). What the maximum exceeds the mean by, no position
accounts for; it is spread over all, so that the map's mean is the margin in any case.
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
from partsight_train.network.test_time_augmentation import as_seen
from partsight_train.network.tiles import Tiles, uncut
from partsight_train.tensorflow_stack import tf

__all__ = ["with_heatmap"]

# Of a kernel's largest weight: float32 gradients of one linear head on two pictures.
_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A feature map, and what its channels weigh in the margin.

    Attributes:
        tensor: of a graph: (V * T, h, w, C), or (V * T, C, h, w).
        channel_axis: 3 or 1.
        kernel: float32 (C,).
    """

    tensor: Any
    channel_axis: int
    kernel: NDArray[np.float32]


def with_heatmap(reference_model: ReferenceModel) -> ReferenceModel:
    """Add the map to a model's network, and say so in its contract.

    The margin is the mean logit of the labels of bad parts less that of the labels of good
    ones: for two labels the log-odds that the part is bad, in nats. The network gives scores
    as before and the map, float32 (1, h, w, 1): the margin a position, of any sign. The mean
    over a tile's positions is the tile's margin, over all of a model without tiles the picture's.

    Raises:
        ModelError: the contract does not tell bad from good labels, or the logits are not
            linear in pooled feature maps.
    """
    draft = reference_model.draft
    weights = _bad_less_good(draft)
    shape = (draft.preprocess.height, draft.preprocess.width, 3)
    try:
        found = find_pooled_maps(reference_model.network, shape)
        layers = () if found is None else _layers(found, weights, shape)
    except UNREADABLE as error:
        raise _impossible(f"TensorFlow cannot look into the network: {error}") from error
    if found is None:
        raise _impossible("the backbone pools no feature maps")
    network = _network(found, layers, weights, draft.tiles)
    _, rows, columns, _ = network(tf.zeros((1, *shape)))[1].shape
    contract = dataclasses.replace(draft, heatmap=(int(rows), int(columns)))
    return dataclasses.replace(reference_model, network=network, draft=contract)


def _bad_less_good(contract: Contract) -> NDArray[np.float32]:
    """A label's weight in the margin, float32 (K,)."""
    accepted = contract.operating_point.accept_labels
    good = np.isin(contract.labels, accepted)
    if good.all() or not good.any():
        raise ModelError(
            "cannot add a heat map: it shows what speaks for a bad part and against a good one. "
            f"Expected labels of both kinds, received {', '.join(contract.labels)}, of which "
            f"{', '.join(accepted) or 'none'} are good. Train again with --accept-label."
        )
    return np.where(good, -1 / good.sum(), 1 / (~good).sum()).astype(np.float32)


def _layers(
    found: PooledMaps, weights: NDArray[np.float32], shape: tuple[int, ...]
) -> tuple[_Layer, ...]:
    """The maps that are pooled, the coarsest first."""
    layers: dict[str, _Layer] = {}
    for pool, kernel in zip(found.pools, _kernels(found, weights, shape), strict=True):
        (tensor, *_), axis = pool.inputs, channel_axis(pool)
        if axis is None or not tensor.shape.is_fully_defined():
            raise ValueError(f"the size of {tensor.name} is not known")
        if pool.type == "Sum":
            kernel = kernel * (tensor.shape.num_elements() // tensor.shape[0] // tensor.shape[axis])
        # Mean and maximum are often taken of the same map.
        before = layers.get(tensor.name)
        layers[tensor.name] = _Layer(tensor, axis, kernel + (before.kernel if before else 0))
    return tuple(sorted(layers.values(), key=lambda layer: layer.tensor.shape[2]))


def _kernels(
    found: PooledMaps, weights: NDArray[np.float32], shape: tuple[int, ...]
) -> list[NDArray[np.float32]]:
    """The margin's gradients by the pooled values of a tile, float32 (C,) a pool.

    They are the head's own weights where all between is linear; then they are the same
    whatever the picture.
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
        # Over views, whose mean is taken, the sum; over tiles, each of which has it, the mean.
        [np.reshape(g, (g.shape[0], -1)).sum(0) / found.logits.shape[0] for g in run(picture)]
        for picture in (tf.constant(noise), tf.zeros((1, *shape)))
    )
    for ours, others in zip(of_noise, of_black, strict=True):
        if not np.allclose(ours, others, atol=_ROUNDING * np.abs(ours).max(initial=0), rtol=0):
            raise _impossible("between the pooled feature maps and the softmax is more than a head")
    return of_noise


def _network(
    found: PooledMaps, layers: Sequence[_Layer], weights: NDArray[np.float32], tiles: Tiles
) -> Callable[[Any], tuple[Any, Any]]:
    """From a picture to scores and map."""
    frozen = found.frozen
    tensors = [frozen.outputs[0], found.logits, *(layer.tensor for layer in layers)]
    run = frozen.prune(frozen.inputs, tensors)
    count = tiles[0] * tiles[1]

    def network(image: Any) -> tuple[Any, Any]:
        scores, logits, *maps = run(image)
        parts = [_weighed(*each) for each in zip(maps, layers, strict=True)]
        total = parts[0]
        for part in parts[1:]:
            total = tf.image.resize(total, part.shape[1:3]) + part
        by_tile = _mean_as_seen(total, count)
        margin = tf.reshape(tf.matmul(logits, weights[:, np.newaxis]), (count, 1, 1, 1))
        return scores, uncut(by_tile - tf.reduce_mean(by_tile, (1, 2), True) + margin, tiles)

    return network


def _weighed(values: Any, layer: _Layer) -> Any:
    """A map's channels as the margin weighs them, one for all: (V * T, h, w, 1)."""
    if layer.channel_axis == 1:
        values = tf.transpose(values, (0, 2, 3, 1))
    return tf.nn.conv2d(values, layer.kernel[np.newaxis, np.newaxis, :, np.newaxis], 1, "VALID")


def _mean_as_seen(maps: Any, tiles: int) -> Any:
    """From (V * T, h, w, 1), all tiles of one view after those of another, to (T, h, w, 1)."""
    if maps.shape[0] == tiles:
        return maps
    views = tf.split(maps, maps.shape[0] // tiles, axis=0)
    turned = [as_seen(part, number) for number, part in enumerate(views)]
    # Not by ADD_N, which TFLite does not have in 16 bits.
    return tf.reduce_mean(tf.concat(turned, axis=3), axis=3, keepdims=True)


def _impossible(reason: str) -> ModelError:
    return ModelError(
        f"cannot add a heat map: {reason}. Expected a backbone that pools feature maps, and a "
        "head on what it pools. Export without --heatmap, or train on efficientnet-lite0."
    )
