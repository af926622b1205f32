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
# What TFLite's schema demands of the place of weights, and kernels rely on.
_ALIGNMENT = 16
_REFERENCES = ("operator_codes", "subgraphs", "description", "metadata_buffer", "signature_defs")
_BUFFER = TableSchema({"data": Vector("B")})

Values = Mapping[str, Any]


def packed(root: TableSchema, values: Values, identifier: bytes) -> bytes:
    """A flatbuffer.

    Args:
        root: the schema of its root table.
        values: by the names of its fields: numbers, texts, lists of numbers, mappings for
            tables and lists of those. Of a union, the field before it names the table.
        identifier: four bytes.
    """
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, root, values), identifier)
    return bytes(builder.Output())


def add_metadata(model: bytes, entries: Mapping[str, bytes]) -> bytes:
    """A TFLite model with more entries in its list of metadata.

    A flatbuffer's references lead forwards, and from place to place. So the model stays as it
    is, to the byte, and a new root is put before it, whose references lead into it; weights
    keep their alignment, which unpacking and packing the model would lose.

    Args:
        model: a TFLite flatbuffer that is well-formed.
        entries: name to content; each takes the place of one of that name.
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
    buffers = _references(builder, [*kept, *(place for _, place in added)])
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
    """A table with bytes that start where weights may start."""
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
        raise ValueError(f"the schema says nothing of one of {sorted(values)}")
    placed = {
        name: _placed(builder, _chosen(kind, values, name), values[name])
        for name, kind in kinds.items()
        if kind is not None and not isinstance(kind, Scalar)
    }
    builder.StartObject(len(table.fields))
    for number, (name, kind) in enumerate(table.fields.items()):
        if isinstance(kind, Scalar) and name in values:
            builder.PrependSlot(_FLAGS[kind.code], number, values[name], 0)
        elif name in placed:
            builder.PrependUOffsetTRelativeSlot(number, placed[name], 0)
    return int(builder.EndObject())


def _chosen(kind: Kind, values: Values, name: str) -> Kind:
    return kind.tables[values[f"{name}_type"]] if isinstance(kind, Union) else kind


def _placed(builder: flatbuffers.Builder, kind: Kind, value: Any) -> int:
    if isinstance(kind, TablesSchema):
        return _references(builder, [_table(builder, kind.table, each) for each in value])
    if isinstance(kind, TableSchema):
        return _table(builder, kind, value)
    if isinstance(kind, Vector) and not kind.is_text:
        return int(builder.CreateNumpyVector(np.array(value, kind.code)))
    return int(builder.CreateString(value))


def _references(builder: flatbuffers.Builder, places: list[int]) -> int:
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return int(builder.EndVector())
