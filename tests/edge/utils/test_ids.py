"""Identifiers of RFC 9562, version 7."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from partsight.utils.ids import uuid7

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
