"""Layers of a flatbuffer. A layer has the name of its first output, as in TFLite's quantizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partsight_train.tensorflow_stack import schema

__all__ = ["OPERATOR_NAMES", "Layer", "head_of", "layers_of"]

OPERATOR_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
}
# Operators that only reorder values.
_MOVES = frozenset({"CONCATENATION", "PAD", "RESHAPE", "SPLIT", "STRIDED_SLICE", "TRANSPOSE"})


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator.

    Attributes:
        operator: its type, such as ``CONV_2D``.
        takes: names of its input tensors.
        gives: names of its output tensors; the first is the layer's own name.
    """

    operator: str
    takes: tuple[str, ...]
    gives: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name by which the quantizer can be made to leave the layer in float."""
        return self.gives[0]


def layers_of(flatbuffer: bytes) -> list[Layer]:
    """Return the layers in the order of execution."""
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    (graph,) = model.subgraphs
    names = [tensor.name.decode() for tensor in graph.tensors]
    return [
        Layer(
            OPERATOR_NAMES[model.operatorCodes[each.opcodeIndex].builtinCode],
            tuple(names[index] for index in each.inputs if index >= 0),
            tuple(names[index] for index in each.outputs),
        )
        for each in graph.operators
    ]


def head_of(layers: Sequence[Layer]) -> list[Layer]:
    """Return the last dense layer, its softmax and operators that move scores; or no layers."""
    found = [layer for layer in layers if layer.operator == "SOFTMAX"][-1:]
    sources = {name: layer for layer in layers for name in layer.gives}
    while found and found[-1].operator != "FULLY_CONNECTED":
        before = sources.get(found[-1].takes[0])
        if before is None or before.operator not in {*_MOVES, "FULLY_CONNECTED"}:
            return []
        found.append(before)
    moved = {name for layer in found[:1] for name in layer.gives}
    for layer in layers:  # a heat map, as a second output, is not part of the head
        if moved & set(layer.takes):
            if layer.operator not in _MOVES:
                return []
            found.append(layer)
            moved.update(layer.gives)
    return [layer for layer in reversed(layers) if layer in found]
