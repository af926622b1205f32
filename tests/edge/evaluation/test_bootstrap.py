"""Bootstrap intervals, compared with known sampling distributions and a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from partsight.evaluation.bootstrap import RESAMPLES, auc_of, bootstrap_intervals, share_of
from partsight.evaluation.metrics import auc

# Float32 sums of some hundred.
EXACT = 1e-6


def test_a_share_scatters_as_a_binomial() -> None:
    flags = np.arange(400) < 100
    everyone = np.ones(400, bool)
    strata = np.zeros(400, np.intp)

    interval = bootstrap_intervals(strata, {"share": share_of(flags, everyone)})["share"]

    deviation = np.sqrt(0.25 * 0.75 / 400)
    # 2,000 resamples place the percentiles to a twentieth of the deviation or so.
    expected = (0.25 - 1.96 * deviation, 0.25 + 1.96 * deviation)
    assert interval == pytest.approx(expected, abs=0.2 * deviation)


def test_labels_keep_their_numbers() -> None:
    """Drawn within each label, so that a share that the label decides does not scatter."""
    strata = np.repeat([0, 1], [30, 70])
    interval = bootstrap_intervals(strata, {"share": share_of(strata == 0, strata >= 0)})
    assert interval["share"] == pytest.approx((0.3, 0.3))


@pytest.mark.parametrize("levels", [3, 1000])
def test_the_area_of_a_resample(levels: int) -> None:
    generator = np.random.default_rng(0)
    positive = np.arange(50) % 3 == 0
    score = generator.integers(0, levels, 50) / levels
    weights = generator.integers(0, 4, (5, 50))

    areas = auc_of(positive, score)(weights.astype(np.float32))

    for row, area in zip(weights, areas, strict=True):
        assert area == pytest.approx(auc(np.repeat(positive, row), np.repeat(score, row)), EXACT)


def test_the_same_seed_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    strata = generator.integers(0, 2, 60)
    statistics = {"auc": auc_of(strata == 1, generator.random(60) + 0.3 * strata)}

    first = bootstrap_intervals(strata, statistics, seed=1)

    assert first == bootstrap_intervals(strata, statistics, seed=1)
    assert first != bootstrap_intervals(strata, statistics, seed=2)
    low, high = first["auc"]
    assert 0 < low < high < 1


def test_the_number_of_resamples() -> None:
    drawn = []

    def count(weights: np.ndarray) -> np.ndarray:
        assert (weights.sum(axis=1) == 700).all()
        drawn.append(len(weights))
        return np.zeros(len(weights))

    bootstrap_intervals(np.zeros(700, np.intp), {"count": count})

    assert sum(drawn) == RESAMPLES
    assert len(drawn) > 1
