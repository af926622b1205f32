"""The feature maps that a network pools before its softmax: found in its graph.

Enters: a network from a picture to probabilities, of any backbone. Leaves: its frozen graph,
the logits, and the pools, which are the places where a map, a value a position and channel,
becomes a value a channel, of which the logits are made. Called by ``activation_map``, for the
report, and by ``export.heatmap``, for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from partsight.utils.native_output import held_stderr
from partsight_train.tensorflow_stack import freeze, tf

__all__ = ["UNREADABLE", "PooledMaps", "channel_axis", "find_pooled_maps"]

# What TensorFlow was seen to raise at graphs that it cannot freeze or derive.
UNREADABLE = (LookupError, NotImplementedError, ValueError, tf.errors.OpError)

# By their axes: rows and columns of (N, H, W, C), and of (N, C, H, W).
_CHANNEL_AXIS = {(1, 2): 3, (2, 3): 1}
# What brings the scores of tiles together.
_AFTER_SOFTMAX = ("Identity", "Reshape", "Transpose")
_REDUCTIONS = ("Max", "Mean", "Sum")
_WINDOWS = ("AvgPool", "MaxPool")


@dataclass(frozen=True, slots=True, eq=False)
class PooledMaps:
    """A network as one graph, and where its evidence is gathered.

    Attributes:
        frozen: from float32 (1, H, W, 3) to probabilities, without variables and calls.
        logits: its tensor (1, K), or (T, K) of tiles: what the softmax takes.
        pools: operations, at least one, that no other pool lies behind.
    """

    frozen: Any
    logits: Any
    pools: tuple[Any, ...]


def find_pooled_maps(network: Callable[[Any], Any], shape: tuple[int, ...]) -> PooledMaps | None:
    """Look into a network.

    Args:
        network: float32 (1, H, W, 3), RGB in [0, 1], to probabilities; of tensors.
        shape: H, W and 3.

    Returns:
        None where there is no softmax, or no pool before it.

    Raises:
        UNREADABLE: TensorFlow cannot look into it.
    """
    frozen = _frozen(network, shape)
    logits = _logits(frozen.outputs[0])
    pools = () if logits is None else tuple(_last_pools(logits.op))
    return PooledMaps(frozen, logits, pools) if pools else None


def channel_axis(op: Any) -> int | None:
    """Which axis of its input is the channels', where an operation pools a whole map."""
    if op.type in _WINDOWS:
        axis = 3 if op.get_attr("data_format") == b"NHWC" else 1
        pools = _sides(op.outputs[0], axis) == [1, 1]
    elif op.type in _REDUCTIONS and op.inputs[0].shape.rank == 4:
        axes = tf.get_static_value(op.inputs[1])
        axis = 0 if axes is None else _CHANNEL_AXIS.get(tuple(sorted(np.ravel(axes) % 4)), 0)
        pools = axis > 0
    else:
        return None
    # A map of one position is none: what made it so lies before.
    return axis if pools and _sides(op.inputs[0], axis) != [1, 1] else None


def _logits(scores: Any) -> Any | None:
    """What goes into the softmax that gives the scores."""
    op = scores.op
    while op.type in _AFTER_SOFTMAX:
        op = op.inputs[0].op
    return op.inputs[0] if op.type == "Softmax" else None


def _last_pools(end: Any) -> Iterator[Any]:
    """The pools above ``end`` that no other pool lies behind.

    A squeeze-and-excitation block pools too, but what it gives flows on into a map; to
    count both would count its evidence twice.
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
    """The network as one graph without variables and calls, for one picture."""
    with held_stderr():
        concrete = tf.function(network).get_concrete_function(tf.TensorSpec((1, *shape)))
        return freeze(concrete)
