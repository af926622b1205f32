"""Whether every offset in a TFLite flatbuffer leads to where it may.

tflite-runtime follows them unseen: one that leads outside is read wherever it leads, and what
lies there decides whether the process goes down. The rules are those of FlatBuffers'
verifier, on the tables of TFLite's schema (version 3) that a runtime follows. See
https://flatbuffers.dev/internals and tensorflow/lite/schema/schema.fbs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Malformed", "verify"]

# A model that a device runs has some thousands of tables; what has more runs in circles.
_MOST_TABLES = 1_000_000
_MOST_DEPTH = 16


class Malformed(Exception):
    """An offset, a length or an index that leads outside; says which."""


@dataclass(frozen=True, slots=True)
class _Scalar:
    """A number of so many bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class _Vector:
    """Numbers of so many bytes; of a text a zero stands behind them."""

    size: int
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with these fields by their number, or a vector of such tables.

    Fields that are not named hold numbers, or what runtimes do not follow; their place in the
    table is looked at all the same.
    """

    fields: Mapping[int, _Scalar | _Vector | _Table | _Tables] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Tables:
    table: _Table


_TEXT = _Vector(1, is_text=True)
_BYTES, _INTS, _FLOATS, _LONGS = _Vector(1), _Vector(4), _Vector(4), _Vector(8)
_U32 = _Scalar(4)
_OPERATOR_CODE = _Table({1: _TEXT, 2: _U32, 3: _U32})
_QUANTIZATION = _Table({0: _FLOATS, 1: _FLOATS, 2: _FLOATS, 3: _LONGS, 6: _U32})
_TENSOR = _Table({0: _INTS, 2: _U32, 3: _TEXT, 4: _QUANTIZATION, 7: _INTS})
_OPERATOR = _Table({0: _U32, 1: _INTS, 2: _INTS, 4: _Table(), 5: _BYTES, 7: _BYTES, 8: _INTS})
_SUBGRAPH = _Table({0: _Tables(_TENSOR), 1: _INTS, 2: _INTS, 3: _Tables(_OPERATOR), 4: _TEXT})
_BUFFER = _Table({0: _BYTES, 1: _Scalar(8), 2: _Scalar(8)})
_METADATA = _Table({0: _TEXT, 1: _U32})
_MODEL = _Table(
    {
        0: _U32,
        1: _Tables(_OPERATOR_CODE),
        2: _Tables(_SUBGRAPH),
        3: _TEXT,
        4: _Tables(_BUFFER),
        5: _INTS,
        6: _Tables(_METADATA),
    }
)


def verify(flatbuffer: bytes) -> None:
    """Follow all offsets of a model.

    Raises:
        Malformed: one leads outside, or there are more tables than a model has.
    """
    budget = iter(range(_MOST_TABLES))
    _verify_table(flatbuffer, _uint(flatbuffer, 0), _MODEL, budget, 0)


def _verify_table(data: bytes, at: int, kind: _Table, budget: Iterator[int], depth: int) -> None:
    if next(budget, None) is None or depth > _MOST_DEPTH:
        raise Malformed("it has more tables than a model")
    for number, place in _fields(data, at).items():
        shape = kind.fields.get(number)
        if isinstance(shape, _Scalar):
            _span(data, place, shape.size, min(shape.size, 4))
        elif shape is not None:
            target = place + _uint(data, place)
            _verify_reference(data, target, shape, budget, depth)


def _verify_reference(
    data: bytes, at: int, shape: _Vector | _Table | _Tables, budget: Iterator[int], depth: int
) -> None:
    if isinstance(shape, _Table):
        _verify_table(data, at, shape, budget, depth + 1)
        return
    length = _uint(data, at)
    size = shape.size if isinstance(shape, _Vector) else 4
    _span(data, at + 4, length * size, size if length else 1)
    if isinstance(shape, _Vector) and shape.is_text and data[at + 4 + length :][:1] != b"\0":
        raise Malformed(f"the text at {at} has no end")
    if isinstance(shape, _Tables):
        for place in range(at + 4, at + 4 + 4 * length, 4):
            _verify_table(data, place + _uint(data, place), shape.table, budget, depth + 1)


def _fields(data: bytes, at: int) -> dict[int, int]:
    """Number of each field that a table has, to its place; all lie within the table."""
    (back,) = struct.unpack_from("<i", data, _span(data, at, 4, 4))
    vtable = at - back
    size, table_size = struct.unpack_from("<HH", data, _span(data, vtable, 4, 2))
    _span(data, vtable, size, 2)
    _span(data, at, table_size, 4)
    if size < 4 or size % 2 or table_size < 4:
        raise Malformed(f"the table at {at} has an impossible size")
    offsets = struct.unpack_from(f"<{(size - 4) // 2}H", data, vtable + 4)
    if any(offset >= table_size for offset in offsets):
        raise Malformed(f"the table at {at} has a field outside it")
    return {number: at + offset for number, offset in enumerate(offsets) if offset}


def _uint(data: bytes, at: int) -> int:
    (value,) = struct.unpack_from("<I", data, _span(data, at, 4, 4))
    return int(value)


def _span(data: bytes, at: int, size: int, alignment: int) -> int:
    """``at``, where so many bytes lie within the data."""
    if at < 0 or at + size > len(data) or at % alignment:
        raise Malformed(f"{size} bytes at {at} are not within its {len(data)}")
    return at
