"""Writes flatbuffers by their schema, and adds metadata to a finished model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import number_types

from partsight.model.tflite.flatbuffer import (
    Kind,
    Scalar,
    TableSchema,
    TablesSchema,
    Union,
    Vector,
    View,
)
from partsight.model.tflite.model_schema import IDENTIFIER, METADATA, MODEL

__all__ = ["add_metadata", "packed"]

_FLAGS = {
    "b": number_types.Int8Flags,
    "B": number_types.Uint8Flags,
    "i": number_types.Int32Flags,
    "I": number_types.Uint32Flags,
}
# Alignment of weights in bytes, required by the schema of TFLite and by its kernels.
_ALIGNMENT = 16
_REFERENCES = ("operator_codes", "subgraphs", "description", "metadata_buffer", "signature_defs")
_BUFFER = TableSchema({"data": Vector("B")})

Values = Mapping[str, Any]


def packed(root: TableSchema, values: Values, identifier: bytes) -> bytes:
    """Serialize values as a flatbuffer.

    Args:
        root: schema of the root table.
        values: values by field name: numbers, texts, lists of numbers, mappings for tables and
            lists of mappings. The table of a union is named by the field before it.
        identifier: file identifier, four bytes.
    """
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, root, values), identifier)
    return bytes(builder.Output())


def add_metadata(model: bytes, entries: Mapping[str, bytes]) -> bytes:
    """Add entries to the metadata list of a TFLite model.

    References in a flatbuffer are relative and point forwards. So the bytes of the model stay
    unchanged behind a new root table that refers into them, and weights keep their alignment,
    which unpacking and packing the model would lose.

    Args:
        model: a well-formed TFLite flatbuffer.
        entries: name to content; an existing entry of the same name is replaced.
    """
    old = View(model, MODEL)
    builder = flatbuffers.Builder(0)
    builder.Bytes = bytearray(model + bytes(-len(model) % _ALIGNMENT))
    end = len(builder.Bytes)
    builder.minalign = _ALIGNMENT

    added = [(name, _buffer(builder, content)) for name, content in entries.items()]
    kept = [end - each.at for each in old.tables("buffers")]
    named = [
        _table(builder, METADATA, {"name": name, "buffer": len(kept) + number})
        for number, (name, _) in enumerate(added)
    ]
    buffers = _references(builder, [*kept, *(offset for _, offset in added)])
    others = [each for each in old.tables("metadata") if each.text("name") not in entries]
    metadata = _references(builder, [*(end - each.at for each in others), *named])

    fields = list(MODEL.fields)
    builder.StartObject(len(fields))
    builder.PrependUint32Slot(fields.index("version"), int(old.number("version")), 0)
    for name in _REFERENCES:
        target = old.target(name)
        if target is not None:
            builder.PrependUOffsetTRelativeSlot(fields.index(name), end - target, 0)
    builder.PrependUOffsetTRelativeSlot(fields.index("buffers"), buffers, 0)
    builder.PrependUOffsetTRelativeSlot(fields.index("metadata"), metadata, 0)
    builder.Finish(builder.EndObject(), IDENTIFIER)
    return bytes(builder.Output())


def _buffer(builder: flatbuffers.Builder, content: bytes) -> int:
    """Write a buffer table whose bytes have the alignment of weights."""
    builder.StartVector(1, len(content), _ALIGNMENT)
    builder.head -= len(content)
    builder.Bytes[builder.head : builder.head + len(content)] = content
    data = builder.EndVector()
    builder.StartObject(len(_BUFFER.fields))
    builder.PrependUOffsetTRelativeSlot(0, data, 0)
    return int(builder.EndObject())


def _table(builder: flatbuffers.Builder, table: TableSchema, values: Values) -> int:
    kinds = {name: table.fields[name] for name in values}
    if None in kinds.values():
        raise ValueError(f"the schema lacks the type of one of the fields {sorted(values)}")
    offsets = {
        name: _offset(builder, _resolved(kind, values, name), values[name])
        for name, kind in kinds.items()
        if kind is not None and not isinstance(kind, Scalar)
    }
    builder.StartObject(len(table.fields))
    for number, (name, kind) in enumerate(table.fields.items()):
        if isinstance(kind, Scalar) and name in values:
            builder.PrependSlot(_FLAGS[kind.code], number, values[name], 0)
        elif name in offsets:
            builder.PrependUOffsetTRelativeSlot(number, offsets[name], 0)
    return int(builder.EndObject())


def _resolved(kind: Kind, values: Values, name: str) -> Kind:
    return kind.tables[values[f"{name}_type"]] if isinstance(kind, Union) else kind


def _offset(builder: flatbuffers.Builder, kind: Kind, value: Any) -> int:
    if isinstance(kind, TablesSchema):
        return _references(builder, [_table(builder, kind.table, each) for each in value])
    if isinstance(kind, TableSchema):
        return _table(builder, kind, value)
    if isinstance(kind, Vector) and not kind.is_text:
        return int(builder.CreateNumpyVector(np.array(value, kind.code)))
    return int(builder.CreateString(value))


def _references(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
