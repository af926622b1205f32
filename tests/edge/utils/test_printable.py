"""Texts from elsewhere are printed in one line."""

from __future__ import annotations

import os

import pytest

from partsight.utils.printable import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parts/Schr\u00e4ube 17.png", "parts/Schr\u00e4ube 17.png"),
        ("C:\\parts\\new.png", "C:\\parts\\new.png"),
        ("a\nb\r\tc\x1b[2J", r"a\nb\r\tc\x1b[2J"),
        ("line\u2028right\u202eto left", r"line\u2028right\u202eto left"),
        (os.fsdecode(b"latin-\xe4"), r"latin-\udce4"),
        (ValueError("no\nnumber"), r"no\nnumber"),
    ],
)
def test_unprintable_characters_are_escaped(text: object, expected: str) -> None:
    assert printable(text) == expected
    assert printable(text).encode().decode().isprintable()


def test_unprintable_characters_are_replaced() -> None:
    assert printable("a\nb\x1b[2J\udcff良", "\ufffd") == "a\ufffdb\ufffd[2J\ufffd良"
    assert printable("a\tb", " ") == "a b"
