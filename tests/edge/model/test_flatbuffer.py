"""Verification of flatbuffers: valid ones pass, and every offset outside the data is found."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from partsight.model.tflite.flatbuffer import Malformed
from partsight.model.tflite.model_schema import MODEL
from partsight.model.tflite.verify import verify


def table(*fields: bytes, references: bytes = b"") -> bytes:
    """A buffer with one table of these fields, four bytes each, and what they refer to."""
    offsets = range(4, 4 + 4 * len(fields), 4)
    sizes = (4 + 2 * len(fields), 4 + 4 * len(fields))
    vtable = struct.pack(f"<{2 + len(fields)}H", *sizes, *offsets)
    vtable += b"\0" * (-len(vtable) % 4)
    start = 8 + len(vtable)
    head = struct.pack("<I4s", start, b"TFL3")
    return head + vtable + struct.pack("<i", len(vtable)) + b"".join(fields) + references


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


VERSION, NO_TABLES = u32(3), u32(0)


def described(text: bytes) -> bytes:
    """A model without operators and graphs, that has a description."""
    return table(VERSION, u32(12), u32(8), u32(8), references=NO_TABLES + text)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(table(), id="an empty model"),
        pytest.param(table(VERSION), id="a version"),
        pytest.param(table(VERSION, u32(4), references=NO_TABLES), id="no operators"),
        pytest.param(described(u32(2) + b"ab\0\0"), id="a description"),
    ],
)
def test_valid_flatbuffers_pass(data: bytes) -> None:
    verify(data, MODEL)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "4 bytes at 0 are not within its 0"),
        (b"\xff" * 8, "4 bytes at 4294967295"),
        (u32(6) + b"TFL3" + bytes(8), "4 bytes at 6"),
        (table(VERSION)[:-1], "are not within"),
        (table(VERSION, u32(400), references=NO_TABLES), "are not within"),
        (table(VERSION, u32(4), references=u32(1)), "are not within"),
        (table(VERSION, u32(4), references=u32(0x40000000)), "are not within"),
        (table(VERSION, u32(6), references=bytes(8)), "4 bytes at"),
        (described(u32(2) + b"ab"), "has no end"),
        (described(u32(2) + b"abcd"), "has no end"),
        (described(u32(5) + b"ab\0\0"), "are not within"),
    ],
)
def test_offsets_outside_the_data_are_found(data: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        verify(data, MODEL)


def test_a_field_outside_its_table_is_found() -> None:
    data = bytearray(table(VERSION))
    struct.pack_into("<H", data, 12, 8)
    with pytest.raises(Malformed, match="a field outside it"):
        verify(bytes(data), MODEL)


def test_circular_tables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vector that refers to the same table many times."""
    monkeypatch.setattr("partsight.model.tflite.verify._MAX_TABLES", 50)
    count = 200
    empty_vtable, empty = struct.pack("<HH", 4, 4), struct.pack("<i", 4)
    vector = u32(count) + b"".join(u32(4 * (count - i) + 4) for i in range(count))
    data = table(VERSION, u32(4), references=vector + empty_vtable + empty)
    with pytest.raises(Malformed, match="more tables than a model"):
        verify(data, MODEL)
    monkeypatch.setattr("partsight.model.tflite.verify._MAX_TABLES", 300)
    verify(data, MODEL)


def test_the_shipped_model_passes_and_truncated_copies_do_not(model_path: Path) -> None:
    whole = model_path.read_bytes()
    verify(whole, MODEL)
    generator = random.Random(0)
    for _ in range(50):
        with pytest.raises(Malformed):
            verify(whole[: generator.randrange(len(whole) // 2)], MODEL)
