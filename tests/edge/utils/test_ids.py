"""Identifiers of RFC 9562, version 7."""

from __future__ import annotations

import uuid
from datetime import timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.utils.ids import time_of_uuid7, uuid7

times_ms = st.integers(0, 2**48 - 1)


@given(times_ms)
def test_the_bits_follow_version_7(unix_ms: int) -> None:
    parsed = uuid.UUID(uuid7(unix_ms))

    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    assert parsed.int >> 80 == unix_ms


@given(times_ms, times_ms)
def test_texts_sort_by_time(one: int, other: int) -> None:
    if one != other:
        assert (uuid7(one) < uuid7(other)) == (one < other)


def test_ids_of_one_millisecond_differ() -> None:
    assert len({uuid7(1_700_000_000_000) for _ in range(1000)}) == 1000


def test_the_text_is_canonical() -> None:
    text = uuid7(0x0123456789AB)

    assert text.startswith("01234567-89ab-7")
    assert str(uuid.UUID(text)) == text


@given(st.integers(0, 253_402_300_799_999))
def test_the_time_is_read_back(unix_ms: int) -> None:
    found = time_of_uuid7(uuid7(unix_ms))
    assert found is not None
    assert found.tzinfo is timezone.utc
    assert round(found.timestamp() * 1000) == unix_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id-3",
        "01234567-89ab-4def-8000-000000000000",
        "01234567-89AB-7def-8000-000000000000",
        "ffffffff-ffff-7145-9023-e65c357b4f33",  # after the year 9999
        "00000000-0001-7ffb-a486-6b5befaf0be4\n",
    ],
)
def test_other_texts_have_no_time(text: str) -> None:
    assert time_of_uuid7(text) is None
