"""Finds the softmax or sigmoid at the end of a model's graph."""

from __future__ import annotations

from partsight.model.tflite.flatbuffer import View
from partsight.model.tflite.model_schema import MODEL

__all__ = ["last_activation"]

# Numbers of TFLite's BuiltinOperator.
_ACTIVATIONS = {14: "sigmoid", 25: "softmax"}
# Operators that do not change the values: dequantize, reshape, squeeze, quantize.
_TRANSPARENT = frozenset({6, 22, 43, 114})


def last_activation(flatbuffer: bytes) -> str | None:
    """``softmax`` or ``sigmoid`` if the first output of a verified model comes from it, or None.

    Raises:
        Malformed: the graph refers to an operator that the model does not have.
    """
    model = View(flatbuffer, MODEL)
    graph = model.one_of("subgraphs", 0)
    makers = {
        int(output): operator
        for operator in graph.tables("operators")
        for output in operator.numbers("outputs").tolist()
    }
    tensor = int(graph.numbers("outputs")[0])
    while (operator := makers.pop(tensor, None)) is not None:
        code = model.one_of("operator_codes", int(operator.number("opcode_index")))
        # Small numbers are in both fields, or only in the deprecated one.
        number = max(int(code.number(f"{age}builtin_code")) for age in ("deprecated_", ""))
        inputs = operator.numbers("inputs").tolist()
        if number not in _TRANSPARENT or not inputs:
            return _ACTIVATIONS.get(number)
        tensor = int(inputs[0])
    return None
