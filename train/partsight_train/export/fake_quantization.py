"""A network that computes in float what int8 would give, and can be trained.

B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (CVPR 2018): values are rounded to the steps of their range on
the way forward, and gradients pass as if they had not been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight_train.export.graph import Graph, constant
from partsight_train.tensorflow_stack import tf

__all__ = ["activations_of", "kernels_of", "ranges_of", "rounded_kernel", "with_rounded_values"]

# Operation to the axes of its kernel that share a scale: all but those of the output channels.
_SHARED_AXES = {"Conv2D": (0, 1, 2), "DepthwiseConv2dNative": (0, 1), "MatMul": (0,)}
# The converter makes one operator of these and what stands before them.
_FUSED = frozenset({"BiasAdd", "FusedBatchNormV3", "Relu", "Relu6"})
_COMPUTES = frozenset({*_SHARED_AXES, *_FUSED, "AddV2", "ConcatV2", "Max", "Mean", "Mul"})
_KERNEL_STEPS = 127


def kernels_of(graph: Graph) -> dict[str, tuple[NDArray[np.float32], tuple[int, ...]]]:
    """The name of each kernel's tensor, its value, and the axes that share a scale; first first."""
    found = {}
    for operation in graph.function.graph.get_operations():
        if operation.type in _SHARED_AXES:
            value = constant(operation.inputs[1])
            if value is not None:
                found[operation.inputs[1].name] = (value, _SHARED_AXES[operation.type])
    return found


def activations_of(graph: Graph) -> list[str]:
    """Names of the operations whose values int8 rounds, but for the scores and their logits."""
    found = []
    for operation in graph.function.graph.get_operations():
        if operation.type not in _COMPUTES or constant(operation.outputs[0]) is not None:
            continue
        readers = operation.outputs[0].consumers()
        fused = len(readers) == 1 and readers[0].type in _FUSED
        if not fused and operation not in (graph.matmul, graph.logits.op):
            found.append(operation.name)
    return found


def ranges_of(
    graph: Graph, names: Sequence[str], pictures: Sequence[NDArray[np.uint8]]
) -> dict[str, tuple[float, float]]:
    """The least and the greatest value that operations give for pictures, uint8 (H, W, 3) RGB."""
    values = [graph.function.graph.get_operation_by_name(name).outputs[0] for name in names]
    cut = graph.function.prune(graph.function.inputs, values)

    def extremes(image: Any) -> Any:
        given = cut(image)
        return tf.stack([[tf.reduce_min(each), tf.reduce_max(each)] for each in given])

    run = tf.function(extremes)
    found = np.stack(
        [
            run(tf.constant(picture[np.newaxis].astype(np.float32) / np.float32(255))).numpy()
            for picture in pictures
        ]
    )
    least = np.minimum(found[:, :, 0].min(axis=0), 0)
    greatest = np.maximum(found[:, :, 1].max(axis=0), 0)
    return {
        name: (float(low), float(high) if high > low else float(low) + 1)
        for name, low, high in zip(names, least, greatest, strict=True)
    }


def with_rounded_values(
    definition: Any, ranges: Mapping[str, tuple[float, float]], bits: int
) -> Any:
    """A ``GraphDef`` in which what reads these operations reads their values in steps.

    Args:
        definition: of the network.
        ranges: name of an operation to the range of its values.
        bits: there are 2 ** bits steps.
    """
    changed = tf.compat.v1.GraphDef()
    changed.CopyFrom(definition)
    for node in changed.node:
        for index, name in enumerate(node.input):
            if name.removesuffix(":0") in ranges:
                node.input[index] = _rounded(name.removesuffix(":0"))
    for name, (low, high) in ranges.items():
        node = changed.node.add(name=_rounded(name), op="FakeQuantWithMinMaxArgs", input=[name])
        node.attr["min"].f, node.attr["max"].f = low, high
        node.attr["num_bits"].i = bits
    return changed


def rounded_kernel(kernel: Any, axes: Sequence[int]) -> Any:
    """A kernel in the 255 steps of int8, a scale an output channel; gradients pass as they are.

    A batch normalization that follows is folded into the kernel by the converter: it scales
    whole channels, and so their steps.
    """
    scale = tf.reduce_max(tf.abs(kernel), axis=list(axes), keepdims=True) / _KERNEL_STEPS
    rounded = tf.round(tf.math.divide_no_nan(kernel, scale)) * scale
    return kernel + tf.stop_gradient(rounded - kernel)


def _rounded(name: str) -> str:
    return f"{name}/rounded"
