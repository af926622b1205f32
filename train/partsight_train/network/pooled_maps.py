"""Search in a network's graph for the feature maps that are pooled before the softmax.

A pool is an operation that reduces a map, with one value per position and channel, to one value
per channel. The pools before the logits are used for heat maps in the report and on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from partsight.utils.native_output import suppressed_stderr
from partsight_train.tensorflow_stack import freeze, tf

__all__ = ["UNREADABLE", "PooledMaps", "channel_axis", "find_pooled_maps"]

# Exceptions of TensorFlow for graphs that it cannot freeze or differentiate.
UNREADABLE = (LookupError, NotImplementedError, ValueError, tf.errors.OpError)

# Reduced axes (rows, columns) to channel axis, for (N, H, W, C) and (N, C, H, W).
_CHANNEL_AXIS = {(1, 2): 3, (2, 3): 1}
# Operations that collect the scores of tiles.
_AFTER_SOFTMAX = ("Identity", "Reshape", "Transpose")
_REDUCTIONS = ("Max", "Mean", "Sum")
_WINDOWS = ("AvgPool", "MaxPool")


@dataclass(frozen=True, slots=True, eq=False)
class PooledMaps:
    """A network as one graph, with its last pools.

    Attributes:
        frozen: function from float32 (1, H, W, 3) to probabilities, without variables and calls.
        logits: its tensor (1, K), or (T, K) with tiles: the softmax's input.
        pools: operations, at least one, without another pool between them and the logits.
    """

    frozen: Any
    logits: Any
    pools: tuple[Any, ...]


def find_pooled_maps(network: Callable[[Any], Any], shape: tuple[int, ...]) -> PooledMaps | None:
    """Find the last pools of a network.

    Args:
        network: function of tensors, float32 (1, H, W, 3), RGB in [0, 1], to probabilities.
        shape: H, W and 3.

    Returns:
        None if there is no softmax, or no pool before it.

    Raises:
        UNREADABLE: TensorFlow cannot analyse the network.
    """
    frozen = _frozen(network, shape)
    logits = _logits(frozen.outputs[0])
    pools = () if logits is None else tuple(_last_pools(logits.op))
    return PooledMaps(frozen, logits, pools) if pools else None


def channel_axis(op: Any) -> int | None:
    """Return the channel axis of an operation's input if it pools a whole map, else None."""
    if op.type in _WINDOWS:
        axis = 3 if op.get_attr("data_format") == b"NHWC" else 1
        pools = _sides(op.outputs[0], axis) == [1, 1]
    elif op.type in _REDUCTIONS and op.inputs[0].shape.rank == 4:
        axes = tf.get_static_value(op.inputs[1])
        axis = 0 if axes is None else _CHANNEL_AXIS.get(tuple(sorted(np.ravel(axes) % 4)), 0)
        pools = axis > 0
    else:
        return None
    # A map with one position has been pooled before.
    return axis if pools and _sides(op.inputs[0], axis) != [1, 1] else None


def _logits(scores: Any) -> Any | None:
    """Return the input of the softmax that computes the scores."""
    op = scores.op
    while op.type in _AFTER_SOFTMAX:
        op = op.inputs[0].op
    return op.inputs[0] if op.type == "Softmax" else None


def _last_pools(end: Any) -> Iterator[Any]:
    """Yield the pools before ``end`` without another pool between.

    A squeeze-and-excitation block pools too, but its result is multiplied into a map, so counting
    it would count its contribution twice.
    """
    seen, waiting = set(), [end]
    while waiting:
        op = waiting.pop()
        if op.name in seen:
            continue
        seen.add(op.name)
        if channel_axis(op) is not None:
            yield op
        else:
            waiting.extend(tensor.op for tensor in op.inputs)


def _sides(tensor: Any, channel_axis: int) -> list[int | None]:
    return [side for i, side in enumerate(tensor.shape) if i not in (0, channel_axis)]


def _frozen(network: Callable[[Any], Any], shape: tuple[int, ...]) -> Any:
    """Return the network as one graph without variables and calls, for batch size 1."""
    with suppressed_stderr():
        concrete = tf.function(network).get_concrete_function(tf.TensorSpec((1, *shape)))
        return freeze(concrete)
