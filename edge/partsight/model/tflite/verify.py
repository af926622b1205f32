"""Checks all offsets of a flatbuffer, by the rules of FlatBuffers' own verifier."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from partsight.model.tflite.flatbuffer import (
    Malformed,
    Scalar,
    TableSchema,
    TablesSchema,
    Union,
    Vector,
    field_offsets,
    read_uint,
    require_span,
    union_type,
)

__all__ = ["verify"]

# A model for a device has some thousands of tables; more indicate circular references.
_MAX_TABLES = 1_000_000
_MAX_DEPTH = 16


def verify(flatbuffer: bytes, root: TableSchema) -> None:
    """Check all offsets that the schema describes.

    Args:
        flatbuffer: may be followed by other bytes.
        root: the schema of its root table.

    Raises:
        Malformed: an offset is out of range, or there are more tables than in a model.
    """
    budget = iter(range(_MAX_TABLES))
    _verify_table(flatbuffer, read_uint(flatbuffer, 0), root, budget, 0)


def _verify_table(
    data: bytes, at: int, table: TableSchema, budget: Iterator[int], depth: int
) -> None:
    if next(budget, None) is None or depth > _MAX_DEPTH:
        raise Malformed("it has more tables than a model")
    offsets = field_offsets(data, at, table)
    for name, offset in offsets.items():
        kind = table.fields[name]
        if isinstance(kind, Scalar):
            size = struct.calcsize(f"<{kind.code}")
            require_span(data, offset, size, min(size, 4))
            continue
        if isinstance(kind, Union):
            type_offset = offsets.get(union_type(name))
            kind = None if type_offset is None else kind.tables.get(data[type_offset])
        if kind is not None:
            _verify_reference(data, offset + read_uint(data, offset), kind, budget, depth)


def _verify_reference(
    data: bytes,
    at: int,
    kind: Vector | TableSchema | TablesSchema,
    budget: Iterator[int],
    depth: int,
) -> None:
    if isinstance(kind, TableSchema):
        _verify_table(data, at, kind, budget, depth + 1)
        return
    length = read_uint(data, at)
    size = struct.calcsize(f"<{kind.code}") if isinstance(kind, Vector) else 4
    require_span(data, at + 4, length * size, size if length else 1)
    if isinstance(kind, Vector) and kind.is_text and data[at + 4 + length :][:1] != b"\0":
        raise Malformed(f"the text at {at} has no end")
    if isinstance(kind, TablesSchema):
        for offset in range(at + 4, at + 4 + 4 * length, 4):
            _verify_table(data, offset + read_uint(data, offset), kind.table, budget, depth + 1)
