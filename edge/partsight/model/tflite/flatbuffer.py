"""Reads flatbuffers by their schema.

A runtime follows the offsets of a flatbuffer unchecked, so that an offset outside the file may
crash the process. Use ``verify`` first; a ``View`` reads verified bytes. Schemas are declared with
the types of this module. See https://flatbuffers.dev/internals.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TEXT",
    "Kind",
    "Malformed",
    "Scalar",
    "TableSchema",
    "TablesSchema",
    "Union",
    "Vector",
    "View",
    "field_offsets",
    "read_uint",
    "require_span",
    "union_type",
]


class Malformed(Exception):
    """An offset, a length or an index is out of range; the message names it."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number; ``code`` is its type in the notation of ``struct``."""

    code: str


@dataclass(frozen=True, slots=True)
class Vector:
    """Numbers; ``code`` is their type in the notation of ``struct``. A text ends with a zero."""

    code: str
    is_text: bool = False


TEXT = Vector("B", is_text=True)


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Fields in the order of their numbers; None for a field that is neither checked nor read."""

    fields: Mapping[str, Kind | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TablesSchema:
    """A vector of tables."""

    table: TableSchema


@dataclass(frozen=True, slots=True)
class Union:
    """One of several tables; the preceding field has its type. Unknown types are not checked."""

    tables: Mapping[int, TableSchema]


Kind = Scalar | Vector | TableSchema | TablesSchema | Union


class View:
    """A table in verified bytes.

    A missing field, which has its default value, is 0, an empty text, an empty list or None.
    """

    def __init__(self, data: bytes, table: TableSchema, at: int | None = None) -> None:
        """The table at an offset; None means the root table."""
        self.at = read_uint(data, 0) if at is None else at
        self._data, self._table = data, table
        self._offsets = field_offsets(data, self.at, table)

    def number(self, name: str) -> int | float:
        """The value of a scalar field."""
        kind, offset = self._table.fields[name], self._offsets.get(name)
        assert isinstance(kind, Scalar)
        if offset is None:
            return 0
        value: int | float = struct.unpack_from(f"<{kind.code}", self._data, offset)[0]
        return value

    def numbers(self, name: str) -> NDArray[np.generic]:
        """The values of a vector, (N,); not a copy."""
        kind, at = self._table.fields[name], self.target(name)
        assert isinstance(kind, Vector)
        dtype = np.dtype(kind.code).newbyteorder("<")
        if at is None:
            return np.zeros(0, dtype)
        return np.frombuffer(self._data, dtype, read_uint(self._data, at), at + 4)

    def text(self, name: str) -> str:
        """A text; bytes that are not UTF-8 are replaced."""
        return self.numbers(name).tobytes().decode("utf-8", "replace")

    def table(self, name: str) -> View | None:
        """A table, or the table in a union if its type is in the schema."""
        kind, at = self._table.fields[name], self.target(name)
        if isinstance(kind, Union):
            kind = kind.tables.get(int(self.number(union_type(name))))
        return (
            View(self._data, kind, at) if isinstance(kind, TableSchema) and at is not None else None
        )

    def tables(self, name: str) -> list[View]:
        """The tables of a vector."""
        kind, at = self._table.fields[name], self.target(name)
        assert isinstance(kind, TablesSchema)
        if at is None:
            return []
        offsets = range(at + 4, at + 4 + 4 * read_uint(self._data, at), 4)
        return [
            View(self._data, kind.table, each + read_uint(self._data, each)) for each in offsets
        ]

    def one_of(self, name: str, index: int) -> View:
        """One table of a vector.

        Raises:
            Malformed: the index is out of range.
        """
        tables = self.tables(name)
        if not 0 <= index < len(tables):
            raise Malformed(f"it refers to number {index} of {len(tables)} {name}")
        return tables[index]

    def target(self, name: str) -> int | None:
        """The offset that a reference field points to; None if the field is missing."""
        offset = self._offsets.get(name)
        return None if offset is None else offset + read_uint(self._data, offset)


def union_type(union: str) -> str:
    """The name of the field with the type of a union."""
    return f"{union}_type"


def field_offsets(data: bytes, at: int, table: TableSchema) -> dict[str, int]:
    """The offsets of the fields that the table at ``at`` has; all are within the table.

    Raises:
        Malformed: the table is not within the data.
    """
    offsets = _fields(data, at)
    return {name: offsets[n] for n, name in enumerate(table.fields) if n in offsets}


def _fields(data: bytes, at: int) -> dict[int, int]:
    """Offset of each existing field, by its number."""
    (back,) = struct.unpack_from("<i", data, require_span(data, at, 4, 4))
    vtable = at - back
    size, table_size = struct.unpack_from("<HH", data, require_span(data, vtable, 4, 2))
    require_span(data, vtable, size, 2)
    require_span(data, at, table_size, 4)
    if size < 4 or size % 2 or table_size < 4:
        raise Malformed(f"the table at {at} has an impossible size")
    offsets = struct.unpack_from(f"<{(size - 4) // 2}H", data, vtable + 4)
    if any(offset >= table_size for offset in offsets):
        raise Malformed(f"the table at {at} has a field outside it")
    return {number: at + offset for number, offset in enumerate(offsets) if offset}


def read_uint(data: bytes, at: int) -> int:
    """The unsigned integer of 32 bits at an offset.

    Raises:
        Malformed: it is not within the data.
    """
    (value,) = struct.unpack_from("<I", data, require_span(data, at, 4, 4))
    return int(value)


def require_span(data: bytes, at: int, size: int, alignment: int) -> int:
    """``at``, if ``size`` bytes at this offset are within the data and aligned.

    Raises:
        Malformed: they are not.
    """
    if at < 0 or at + size > len(data) or at % alignment:
        raise Malformed(f"{size} bytes at {at} are not within its {len(data)}")
    return at
