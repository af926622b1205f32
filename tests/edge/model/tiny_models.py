"""Writes small real .tflite files without TensorFlow: of channel means, a dense layer, a softmax.

Their output can be computed by hand: softmax(weights @ means + bias), with the means of the input's
channels over the image.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from partsight.model.tflite.flatbuffer import (
    TEXT,
    Kind,
    Scalar,
    TableSchema,
    TablesSchema,
    Union,
    Vector,
)
from partsight.model.tflite.metadata_schema import ENTRY, MODEL_METADATA
from partsight.model.tflite.metadata_schema import IDENTIFIER as METADATA_IDENTIFIER
from partsight.model.tflite.model_schema import IDENTIFIER, MODEL

__all__ = ["Quantization", "TinyModel", "flatbuffer_of"]

_TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "int8": 9, "float16": 1, "int16": 7}
_DENSE, _LOGISTIC, _MEAN, _RESHAPE, _SOFTMAX = 9, 14, 40, 22, 25
_DENSE_OPTIONS, _SOFTMAX_OPTIONS = 8, 9

# The schema of ``model_schema``, with the options that these operators cannot do without.
_OPTIONS = Union(
    {
        _DENSE_OPTIONS: TableSchema({"activation": Scalar("b")}),
        _SOFTMAX_OPTIONS: TableSchema({"beta": Scalar("f")}),
    }
)


def _with(table: TableSchema, **fields: Kind) -> TableSchema:
    return TableSchema({**table.fields, **fields})


def _inner(table: TableSchema, name: str) -> TableSchema:
    kind = table.fields[name]
    assert isinstance(kind, TablesSchema)
    return kind.table


_GRAPH = _inner(MODEL, "subgraphs")
_OPERATOR = _with(
    _inner(_GRAPH, "operators"), builtin_options_type=Scalar("B"), builtin_options=_OPTIONS
)
_MODEL = _with(MODEL, subgraphs=TablesSchema(_with(_GRAPH, operators=TablesSchema(_OPERATOR))))


@dataclass(frozen=True)
class Quantization:
    """real = scale * (raw - zero_point)."""

    dtype: str
    scale: float
    zero_point: int

    def raw(self, real: Any) -> np.ndarray:
        limits = np.iinfo(self.dtype)
        steps = np.round(np.asarray(real) / self.scale) + self.zero_point
        return np.clip(steps, limits.min, limits.max).astype(self.dtype)


@dataclass(frozen=True)
class TinyModel:
    """A network of channel means and a dense layer.

    Attributes:
        weights, bias: (K, C) and (K,); real numbers, also of a quantized one.
        input_shape: the means are taken over its axes ``mean_axes``.
        final: softmax, logistic, or none for logits.
        output_shape: None is (1, K).
        signature: of the input's shape, with -1 for an open size; None is none.
        input_as, dense_as, output_as: how tensors are quantized; None is float32.
        copies: how many outputs, all of them the same.
        metadata: values of TFLite's standard metadata; None is none.
        input_type, output_type: what a file that is to be refused says instead of the truth.
        without_scales: whether such a file leaves out scales and zero points.
    """

    weights: Sequence[Sequence[float]]
    bias: Sequence[float]
    input_shape: tuple[int, ...] = (1, 4, 6, 3)
    mean_axes: tuple[int, ...] = (1, 2)
    final: str = "softmax"
    output_shape: tuple[int, ...] | None = None
    signature: tuple[int, ...] | None = None
    input_as: Quantization | None = None
    dense_as: Quantization | None = None
    output_as: Quantization | None = None
    copies: int = 1
    metadata: Mapping[str, Any] | None = None
    input_type: str | None = None
    output_type: str | None = None
    without_scales: bool = False

    def written(self) -> bytes:
        """The file."""
        return _Writing(self).file()


class _Writing:
    def __init__(self, model: TinyModel) -> None:
        self.model = model
        self.buffers: list[dict[str, Any]] = [{}]
        self.tensors: list[dict[str, Any]] = []
        self.codes: list[int] = []
        self.operators: list[dict[str, Any]] = []

    def file(self) -> bytes:
        outputs = self._network()
        graph = {"tensors": self.tensors, "inputs": [0], "outputs": outputs}
        values: dict[str, Any] = {
            "version": 3,
            "operator_codes": [
                {"deprecated_builtin_code": code, "builtin_code": code, "version": 1}
                for code in self.codes
            ],
            "subgraphs": [{**graph, "operators": self.operators}],
        }
        if self.model.metadata is not None:
            data = flatbuffer_of(MODEL_METADATA, self.model.metadata, METADATA_IDENTIFIER)
            self.buffers.append({"data": list(data)})
            values["metadata"] = [{"name": ENTRY, "buffer": len(self.buffers) - 1}]
        values["buffers"] = self.buffers
        return flatbuffer_of(_MODEL, values, IDENTIFIER)

    def _network(self) -> list[int]:
        model = self.model
        weights = np.array(model.weights, np.float32)
        count, channels = weights.shape
        taken = self._tensor(model.input_shape, model.input_as, signature=model.signature)
        means = self._tensor((1, channels), model.input_as)
        self._operator(_MEAN, [taken, self._constant(np.array(model.mean_axes, np.int32))], [means])
        logits = self._tensor((1, count), model.dense_as)
        self._operator(
            _DENSE,
            [means, *self._dense(weights, np.array(model.bias, np.float32))],
            [logits],
            (_DENSE_OPTIONS, {"activation": 0}),
        )
        outputs = []
        for _ in range(model.copies):
            given = self._final(logits, count)
            if model.output_shape is not None:
                shaped = self._tensor(model.output_shape, model.output_as)
                shape = self._constant(np.array(model.output_shape, np.int32))
                self._operator(_RESHAPE, [given, shape], [shaped])
                given = shaped
            if model.output_type:
                self.tensors[given]["type"] = _TYPES[model.output_type]
            outputs.append(given)
        if model.input_type:
            self.tensors[taken]["type"] = _TYPES[model.input_type]
        return outputs

    def _final(self, logits: int, count: int) -> int:
        if self.model.final == "none":
            return logits
        scores = self._tensor((1, count), self.model.output_as)
        if self.model.final == "softmax":
            self._operator(_SOFTMAX, [logits], [scores], (_SOFTMAX_OPTIONS, {"beta": 1.0}))
        else:
            self._operator(_LOGISTIC, [logits], [scores])
        return scores

    def _dense(self, weights: np.ndarray, bias: np.ndarray) -> list[int]:
        taken = self.model.input_as
        if taken is None:
            return [self._constant(weights), self._constant(bias)]
        zero = 0 if taken.dtype == "int8" else 128
        kernel = Quantization(taken.dtype, float(np.abs(weights).max()) / 127, zero)
        scale = taken.scale * kernel.scale
        sums = np.round(bias / scale).astype(np.int32)
        return [
            self._constant(kernel.raw(weights), (kernel.scale, zero)),
            self._constant(sums, (scale, 0)),
        ]

    def _tensor(
        self,
        shape: tuple[int, ...],
        quantized: Quantization | None,
        signature: tuple[int, ...] | None = None,
    ) -> int:
        values: dict[str, Any] = {"shape": list(shape), "type": 0, "name": f"t{len(self.tensors)}"}
        if quantized is not None:
            values["type"] = _TYPES[quantized.dtype]
            if not self.model.without_scales:
                values["quantization"] = _scale(quantized.scale, quantized.zero_point)
        if signature is not None:
            values["shape_signature"] = list(signature)
        self.tensors.append(values)
        return len(self.tensors) - 1

    def _constant(self, array: np.ndarray, scale: tuple[float, int] | None = None) -> int:
        self.buffers.append({"data": list(array.tobytes())})
        values: dict[str, Any] = {
            "shape": list(array.shape),
            "type": _TYPES[array.dtype.name],
            "buffer": len(self.buffers) - 1,
            "name": f"t{len(self.tensors)}",
        }
        if scale is not None:
            values["quantization"] = _scale(*scale)
        self.tensors.append(values)
        return len(self.tensors) - 1

    def _operator(
        self,
        code: int,
        inputs: list[int],
        outputs: list[int],
        options: tuple[int, dict[str, Any]] | None = None,
    ) -> None:
        if code not in self.codes:
            self.codes.append(code)
        values: dict[str, Any] = {
            "opcode_index": self.codes.index(code),
            "inputs": inputs,
            "outputs": outputs,
        }
        if options is not None:
            values["builtin_options_type"], values["builtin_options"] = options
        self.operators.append(values)


def _scale(scale: float, zero_point: int) -> dict[str, Any]:
    return {"scale": [scale], "zero_point": [zero_point]}


def flatbuffer_of(root: TableSchema, values: Mapping[str, Any], identifier: bytes) -> bytes:
    """A flatbuffer whose tables come before what they refer to; everything starts at 16 bytes."""
    data = bytearray(b"\0\0\0\0" + identifier)
    _refer(data, 0, _table(data, root, values))
    return bytes(data)


def _refer(data: bytearray, place: int, target: int) -> None:
    struct.pack_into("<I", data, place, target - place)


def _append(data: bytearray, content: bytes, ahead: int = 0) -> int:
    """The offset of content whose byte after ``ahead`` is aligned to 16 bytes."""
    data.extend(bytes(-(len(data) + ahead) % 16))
    place = len(data)
    data.extend(content)
    return place


def _table(data: bytearray, table: TableSchema, values: Mapping[str, Any]) -> int:
    # A word that leads to the vtable, then eight bytes for each field: enough for any scalar.
    names = list(table.fields)
    numbers = {name: names.index(name) for name in values}
    places = {name: 8 + 8 * rank for rank, name in enumerate(values)}
    size, count = 8 + 8 * len(values), max(numbers.values(), default=-1) + 1
    offsets = [0] * count
    for name in values:
        offsets[numbers[name]] = places[name]
    vtable = struct.pack(f"<HH{count}H", 4 + 2 * count, size, *offsets)
    vtable_at = _append(data, vtable)
    at = _append(data, bytes(size))
    struct.pack_into("<i", data, at, at - vtable_at)
    for name, value in values.items():
        place = at + places[name]
        kind = table.fields[name]
        if isinstance(kind, Union):
            kind = kind.tables[values[f"{name}_type"]]
        if isinstance(kind, Scalar):
            struct.pack_into(f"<{kind.code}", data, place, value)
        elif isinstance(kind, TableSchema):
            _refer(data, place, _table(data, kind, value))
        elif isinstance(kind, TablesSchema):
            _refer(data, place, _tables(data, kind.table, value))
        else:
            assert isinstance(kind, Vector)
            _refer(data, place, _vector(data, kind, value))
    return at


def _tables(data: bytearray, table: TableSchema, values: Sequence[Mapping[str, Any]]) -> int:
    at = _append(data, struct.pack("<I", len(values)) + bytes(4 * len(values)))
    for number, value in enumerate(values):
        _refer(data, at + 4 + 4 * number, _table(data, table, value))
    return at


def _vector(data: bytearray, kind: Vector, value: Any) -> int:
    if kind == TEXT:
        encoded = value.encode()
        return _append(data, struct.pack("<I", len(encoded)) + encoded + b"\0", 4)
    content = np.array(value, np.dtype(kind.code).newbyteorder("<")).tobytes()
    return _append(data, struct.pack("<I", len(value)) + content, 4)
