"""Reads the input and output tensors of a model from its flatbuffer, without a runtime."""

from __future__ import annotations

from dataclasses import dataclass

from partsight.model.tflite.flatbuffer import View
from partsight.model.tflite.model_schema import MODEL, OTHER_TYPES, TYPES

__all__ = ["Tensor", "tensors_of"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output.

    Attributes:
        shape: with 1 for each variable size.
        dtype: NumPy's name.
        scale, zero_point: real = scale * (raw - zero_point); scale 0 if it is not quantized.
        open_axes: axes of variable size.
    """

    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0
    open_axes: tuple[int, ...] = ()


def tensors_of(flatbuffer: bytes) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of a verified model's first graph.

    Raises:
        Malformed: there is no graph, or it refers to a tensor that does not exist.
    """
    graph = View(flatbuffer, MODEL).one_of("subgraphs", 0)
    inputs, outputs = (
        [_tensor(graph.one_of("tensors", int(index))) for index in graph.numbers(name).tolist()]
        for name in ("inputs", "outputs")
    )
    return inputs, outputs


def _tensor(view: View) -> Tensor:
    shape = tuple(int(size) for size in view.numbers("shape").tolist())
    number = int(view.number("type"))
    dtype = TYPES.get(number) or OTHER_TYPES.get(number, f"type {number}")
    signature = view.numbers("shape_signature").tolist()
    open_axes = tuple(axis for axis, size in enumerate(signature) if size < 0)
    quantization = view.table("quantization")
    scales = [] if quantization is None else quantization.numbers("scale").tolist()
    if quantization is None or len(scales) != 1:
        return Tensor(shape, dtype, open_axes=open_axes)
    zero_points = quantization.numbers("zero_point").tolist()
    zero_point = int(zero_points[0]) if zero_points else 0
    return Tensor(shape, dtype, float(scales[0]), zero_point, open_axes)
