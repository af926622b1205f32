"""Intervals against published values, closed forms and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.evaluation.intervals import auc_interval, proportion_interval

# Of the bisection and of a thousand summed chances.
EXACT = 1e-9


@pytest.mark.parametrize(
    ("hits", "total", "expected"),
    [
        (0, 0, None),
        # Nothing in n: up to 1 - 0.025^(1/n), near the rule of three.
        (0, 20, (0, 1 - 0.025 ** (1 / 20))),
        (20, 20, (0.025 ** (1 / 20), 1)),
        (1, 1, (0.025, 1)),
        # R. Newcombe, Statistics in Medicine 17, 1998, table I: 81/263, 15/148, 1/29.
        (81, 263, (0.2527, 0.3676)),
        (15, 148, (0.0578, 0.1617)),
        (1, 29, (0.0009, 0.1776)),
    ],
)
def test_proportions(hits: int, total: int, expected: tuple[float, float] | None) -> None:
    found = proportion_interval(hits, total)
    assert found == (None if expected is None else pytest.approx(expected, abs=5e-5))


@settings(deadline=None)
@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_proportions_equal_those_of_scipy(case: tuple[int, int]) -> None:
    stats = pytest.importorskip("scipy.stats")
    hits, total = case
    exact = stats.binomtest(hits, total).proportion_ci(0.95, "exact")
    assert proportion_interval(hits, total) == pytest.approx((exact.low, exact.high), abs=EXACT)


@pytest.mark.parametrize(("hits", "total"), [(3, 2), (-1, 2), (1, 0)])
def test_impossible_counts_are_refused(hits: int, total: int) -> None:
    with pytest.raises(ValueError, match="from 0 to total"):
        proportion_interval(hits, total)


def newcombe_5(area: float, m: int, n: int) -> tuple[float, float]:
    """The same by brute force: all areas on a fine grid that the test does not reject."""
    grid = np.linspace(0, 1, 200_001)
    size = (m + n) / 2 - 1
    spread = 1 + size * (1 - grid) / (2 - grid) + size * grid / (1 + grid)
    kept = grid[(grid - area) ** 2 <= 1.96**2 * grid * (1 - grid) * spread / (m * n)]
    return float(kept.min()), float(kept.max())


@pytest.mark.parametrize("area", [0.0, 0.2, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("sizes", [(1, 1), (40, 95), (95, 40)])
def test_areas(area: float, sizes: tuple[int, int]) -> None:
    assert auc_interval(area, *sizes) == pytest.approx(newcombe_5(area, *sizes), abs=2e-5)


def test_a_perfect_area_has_an_interval() -> None:
    low, high = auc_interval(1.0, 40, 95)
    assert 0.95 < low < 0.97
    assert high == 1
