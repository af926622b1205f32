"""Flatbuffers, by their schema: verified, then read.

A runtime follows a flatbuffer's offsets unseen: one that leads outside is read wherever it
leads, and what lies there decides whether the process goes down. ``verify`` follows them
first, by the rules of FlatBuffers' own verifier; a ``View`` reads what passed. Schemas are
declared with the kinds of this module. See https://flatbuffers.dev/internals.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
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
    "verify",
]

# A model that a device runs has some thousands of tables; what has more runs in circles.
_MOST_TABLES = 1_000_000
_MOST_DEPTH = 16


class Malformed(Exception):
    """An offset, a length or an index that leads outside; says which."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, of a type as ``struct`` spells it."""

    code: str


@dataclass(frozen=True, slots=True)
class Vector:
    """Numbers of a type as ``struct`` spells it; of a text a zero stands behind them."""

    code: str
    is_text: bool = False


TEXT = Vector("B", is_text=True)


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Fields in the order of their numbers; None for one that is not followed."""

    fields: Mapping[str, Kind | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TablesSchema:
    """A vector of tables."""

    table: TableSchema


@dataclass(frozen=True, slots=True)
class Union:
    """One of several tables; the field before says which. Others are not followed."""

    tables: Mapping[int, TableSchema]


Kind = Scalar | Vector | TableSchema | TablesSchema | Union


def verify(flatbuffer: bytes, root: TableSchema) -> None:
    """Follow all offsets.

    Args:
        flatbuffer: from its first byte on; what comes after it does no harm.
        root: the schema of its root table.

    Raises:
        Malformed: one leads outside, or there are more tables than a model has.
    """
    budget = iter(range(_MOST_TABLES))
    _verify_table(flatbuffer, _uint(flatbuffer, 0), root, budget, 0)


class View:
    """A table in bytes that were verified.

    A field that is not there, or is in its default, is 0, an empty text or nothing.
    """

    def __init__(self, data: bytes, table: TableSchema, at: int | None = None) -> None:
        """The table at a place; the root where none is named."""
        self.at = _uint(data, 0) if at is None else at
        self._data, self._table = data, table
        self._places = dict(_named(_fields(data, self.at), table))

    def number(self, name: str) -> int | float:
        """A scalar."""
        kind, place = self._table.fields[name], self._places.get(name)
        assert isinstance(kind, Scalar)
        if place is None:
            return 0
        value: int | float = struct.unpack_from(f"<{kind.code}", self._data, place)[0]
        return value

    def numbers(self, name: str) -> NDArray[np.generic]:
        """A vector, (N,); not a copy."""
        kind, at = self._table.fields[name], self.target(name)
        assert isinstance(kind, Vector)
        dtype = np.dtype(kind.code).newbyteorder("<")
        if at is None:
            return np.zeros(0, dtype)
        return np.frombuffer(self._data, dtype, _uint(self._data, at), at + 4)

    def text(self, name: str) -> str:
        """A text; what is no UTF-8 in it is replaced."""
        return self.numbers(name).tobytes().decode("utf-8", "replace")

    def table(self, name: str) -> View | None:
        """A table; of a union the one that it holds, if that is known."""
        kind, at = self._table.fields[name], self.target(name)
        if isinstance(kind, Union):
            kind = kind.tables.get(int(self.number(_type_of(name))))
        return (
            View(self._data, kind, at) if isinstance(kind, TableSchema) and at is not None else None
        )

    def tables(self, name: str) -> list[View]:
        """A vector of tables."""
        kind, at = self._table.fields[name], self.target(name)
        assert isinstance(kind, TablesSchema)
        if at is None:
            return []
        places = range(at + 4, at + 4 + 4 * _uint(self._data, at), 4)
        return [View(self._data, kind.table, place + _uint(self._data, place)) for place in places]

    def one_of(self, name: str, index: int) -> View:
        """One of a vector of tables.

        Raises:
            Malformed: there are not so many.
        """
        tables = self.tables(name)
        if not 0 <= index < len(tables):
            raise Malformed(f"it names number {index} of {len(tables)} {name}")
        return tables[index]

    def target(self, name: str) -> int | None:
        """Where a reference leads; None where there is none."""
        place = self._places.get(name)
        return None if place is None else place + _uint(self._data, place)


def _type_of(union: str) -> str:
    return f"{union}_type"


def _named(places: Mapping[int, int], table: TableSchema) -> Iterator[tuple[str, int]]:
    for number, name in enumerate(table.fields):
        if number in places:
            yield name, places[number]


def _verify_table(
    data: bytes, at: int, kind: TableSchema, budget: Iterator[int], depth: int
) -> None:
    if next(budget, None) is None or depth > _MOST_DEPTH:
        raise Malformed("it has more tables than a model")
    places = dict(_named(_fields(data, at), kind))
    for name, place in places.items():
        shape = kind.fields[name]
        if isinstance(shape, Scalar):
            size = struct.calcsize(f"<{shape.code}")
            _span(data, place, size, min(size, 4))
            continue
        if isinstance(shape, Union):
            type_at = places.get(_type_of(name))
            shape = None if type_at is None else shape.tables.get(data[type_at])
        if shape is not None:
            _verify_reference(data, place + _uint(data, place), shape, budget, depth)


def _verify_reference(
    data: bytes,
    at: int,
    shape: Vector | TableSchema | TablesSchema,
    budget: Iterator[int],
    depth: int,
) -> None:
    if isinstance(shape, TableSchema):
        _verify_table(data, at, shape, budget, depth + 1)
        return
    length = _uint(data, at)
    size = struct.calcsize(f"<{shape.code}") if isinstance(shape, Vector) else 4
    _span(data, at + 4, length * size, size if length else 1)
    if isinstance(shape, Vector) and shape.is_text and data[at + 4 + length :][:1] != b"\0":
        raise Malformed(f"the text at {at} has no end")
    if isinstance(shape, TablesSchema):
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
