"""What a model takes and gives, read from its flatbuffer: no runtime is asked."""

from __future__ import annotations

from dataclasses import dataclass

from partsight.model.tflite.flatbuffer import View
from partsight.model.tflite.model_schema import MODEL, TYPES

__all__ = ["Tensor", "tensors_of"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output.

    Attributes:
        shape: of batch size 1 where the model leaves that open.
        dtype: as NumPy spells it, of those that classifiers have; else ``other``.
        scale, zero_point: real = scale * (raw - zero_point); scale 0 where it has none.
    """

    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0


def tensors_of(flatbuffer: bytes) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of a verified model's first graph.

    Raises:
        Malformed: it has none, or that names a tensor that it does not have.
    """
    graph = View(flatbuffer, MODEL).one_of("subgraphs", 0)
    inputs, outputs = (
        [_tensor(graph.one_of("tensors", int(index))) for index in graph.numbers(name).tolist()]
        for name in ("inputs", "outputs")
    )
    return inputs, outputs


def _tensor(view: View) -> Tensor:
    shape = tuple(int(size) for size in view.numbers("shape").tolist())
    dtype = TYPES.get(int(view.number("type")), "other")
    quantization = view.table("quantization")
    scales = [] if quantization is None else quantization.numbers("scale").tolist()
    if quantization is None or len(scales) != 1:
        return Tensor(shape, dtype)
    zero_points = quantization.numbers("zero_point").tolist()
    return Tensor(shape, dtype, float(scales[0]), int(zero_points[0]) if zero_points else 0)
