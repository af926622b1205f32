"""The approved network as a frozen graph: its features, and the network with another head.

Used by ``fallbacks``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight_train.heads.head import Head
from partsight_train.tensorflow_stack import freeze, tf

__all__ = ["Graph", "open_graph"]

# Operations between the dense layer and the scores.
_AFTER_THE_HEAD = frozenset({"BiasAdd", "AddV2", "Identity", "Reshape", "Softmax", "Transpose"})
_BIASED = frozenset({"BiasAdd", "AddV2"})


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A network without variables.

    Attributes:
        function: float32 (N, H, W, 3), RGB in [0, 1], to probabilities.
        matmul: operation of the head from features (M, D) to logits without bias, where M is N
            times the number of tiles.
        logits: input (M, K) of the softmax.
        head: weights of the head.
    """

    function: Any
    matmul: Any
    logits: Any
    head: Head

    def features(self, image: Any) -> Any:
        """Features of one picture, (1, T * D): those of its T tiles, concatenated."""
        cut = self.function.prune(self.function.inputs, self.matmul.inputs[0])
        return tf.reshape(cut(image), (1, -1))

    def with_head(self, head: Head) -> Callable[[Any], Any]:
        """The network with another head."""
        definition = self.function.graph.as_graph_def()
        (picture,), (scores,) = self.function.inputs, self.function.outputs
        kernel, bias = self.matmul.inputs[1], self.logits.op.inputs[1]

        def network(image: Any) -> Any:
            replaced = {
                picture.name: image,
                kernel.name: tf.convert_to_tensor(head.kernel),
                bias.name: tf.convert_to_tensor(head.bias),
            }
            (output,) = tf.graph_util.import_graph_def(definition, replaced, [scores.name], name="")
            return output

        return network


def open_graph(network: Callable[[Any], Any], shape: tuple[int, int, int]) -> Graph:
    """Freeze a network and find its head.

    Args:
        network: function of tensors from float32 (N, H, W, 3), RGB in [0, 1], to probabilities.
        shape: H, W and 3.

    Raises:
        ModelError: it does not end with a dense layer and a softmax.
    """
    signature = tf.TensorSpec((None, *shape), tf.float32, "image")
    function = freeze(tf.function(network).get_concrete_function(signature))
    if len(function.outputs) > 1:
        raise ModelError("the heat map uses the weights of the head; export without --heatmap")
    operation, logits = function.outputs[0].op, None
    while operation.type in _AFTER_THE_HEAD:
        if operation.type == "Softmax":
            logits = _without_identity(operation.inputs[0])
        operation = operation.inputs[0].op
    values: list[Any] = [None]
    if logits is not None and logits.op.type in _BIASED and operation.type == "MatMul":
        values = [_constant(each.inputs[1]) for each in (operation, logits.op)]
    if any(value is None for value in values):
        raise ModelError(
            "cannot find the head in the float model: expected a dense layer with a bias and a "
            f"softmax at its end, received {operation.type}"
        )
    kernel, bias = (np.asarray(value, np.float32) for value in values)
    return Graph(function, operation, logits, Head(kernel, bias))


def _constant(tensor: Any) -> NDArray[np.float32] | None:
    """The value of a tensor; None if it depends on the picture."""
    value: NDArray[np.float32] | None = tf.get_static_value(_without_identity(tensor))
    return value


def _without_identity(tensor: Any) -> Any:
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor
