"""Smaller copies of images keep their proportions."""

from __future__ import annotations

import numpy as np
import pytest

from partsight.image.resize import shrink


@pytest.mark.parametrize(
    ("hw", "longest_side", "expected_hw"),
    [
        ((40, 80), 20, (10, 20)),
        ((80, 40), 20, (20, 10)),
        ((1, 500), 50, (1, 50)),
        ((40, 80), 80, (40, 80)),
        ((40, 80), 200, (40, 80)),
    ],
)
def test_only_the_longer_side_is_limited(
    hw: tuple[int, int], longest_side: int, expected_hw: tuple[int, int]
) -> None:
    small = shrink(np.full((*hw, 3), 7, np.uint8), longest_side)
    assert small.shape == (*expected_hw, 3)
    assert (small == 7).all()
