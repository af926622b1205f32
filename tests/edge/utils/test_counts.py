"""A count names its noun in the right number."""

from __future__ import annotations

import pytest

from partsight.utils.counts import counted


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (11, "11 images")]
)
def test_only_one_is_singular(number: int, expected: str) -> None:
    assert counted(number, "image") == expected
