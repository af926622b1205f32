"""The approved network as a graph: cut before its head, and put together with other weights.

Enters: a network of tensors, from wherever it was loaded. Leaves: a ``Graph``, whose constants
may be exchanged. Called by ``remedies``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight_train.heads.head import Head
from partsight_train.tensorflow_stack import freeze, tf

__all__ = ["Graph", "constant", "open_graph"]

# On the way from the scores back to the dense layer: what only moves them, and the softmax.
_BEHIND_THE_HEAD = frozenset({"BiasAdd", "AddV2", "Identity", "Reshape", "Softmax", "Transpose"})
_BIASED = frozenset({"BiasAdd", "AddV2"})


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A network without variables.

    Attributes:
        function: float32 (N, H, W, 3), RGB in [0, 1], to probabilities.
        matmul: the operation of the head that takes features (M, D), M = N times the tiles,
            and gives logits without their bias.
        logits: the tensor (M, K) that the softmax takes.
        head: the weights of the head.
    """

    function: Any
    matmul: Any
    logits: Any
    head: Head

    def features(self, image: Any) -> Any:
        """What the head takes of one picture, (1, T * D): its tiles', one behind another."""
        cut = self.function.prune(self.function.inputs, self.matmul.inputs[0])
        return tf.reshape(cut(image), (1, -1))

    def with_constants(self, constants: Mapping[str, Any]) -> Callable[[Any], Any]:
        """The network with other values of some tensors, by their names."""
        definition = self.function.graph.as_graph_def()
        (fed,), (scores,) = self.function.inputs, self.function.outputs

        def network(image: Any) -> Any:
            values = {name: tf.convert_to_tensor(value) for name, value in constants.items()}
            (given,) = tf.graph_util.import_graph_def(
                definition, {fed.name: image, **values}, [scores.name], name=""
            )
            return given

        return network

    def with_head(self, head: Head) -> Callable[[Any], Any]:
        """The network with another head."""
        kernel, bias = self.matmul.inputs[1], self.logits.op.inputs[1]
        return self.with_constants({kernel.name: head.kernel, bias.name: head.bias})


def open_graph(network: Callable[[Any], Any], shape: tuple[int, int, int]) -> Graph:
    """Freeze a network and find its head.

    Args:
        network: float32 (N, H, W, 3), RGB in [0, 1], to probabilities; of tensors.
        shape: H, W and 3.

    Raises:
        ModelError: it does not end with a dense layer and a softmax.
    """
    signature = tf.TensorSpec((None, *shape), tf.float32, "image")
    function = freeze(tf.function(network).get_concrete_function(signature))
    if len(function.outputs) > 1:
        raise ModelError("the heat map hangs on the same weights; export without --heatmap")
    operation, logits = function.outputs[0].op, None
    while operation.type in _BEHIND_THE_HEAD:
        if operation.type == "Softmax":
            logits = _without_identity(operation.inputs[0])
        operation = operation.inputs[0].op
    values: list[Any] = [None]
    if logits is not None and logits.op.type in _BIASED and operation.type == "MatMul":
        values = [constant(each.inputs[1]) for each in (operation, logits.op)]
    if any(value is None for value in values):
        raise ModelError(
            "cannot find the head in the float model: expected a dense layer with a bias and a "
            f"softmax at its end, received {operation.type}"
        )
    kernel, bias = (np.asarray(value, np.float32) for value in values)
    return Graph(function, operation, logits, Head(kernel, bias))


def constant(tensor: Any) -> NDArray[np.float32] | None:
    """The value of a tensor; None where it depends on the picture."""
    value: NDArray[np.float32] | None = tf.get_static_value(_without_identity(tensor))
    return value


def _without_identity(tensor: Any) -> Any:
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor
