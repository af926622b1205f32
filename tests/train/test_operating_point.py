"""Thresholds by cost: hand-counted, and never dearer than any other threshold."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.decision.operating_point import OperatingPoint
from partsight_train.fit.operating_point import (
    cheapest,
    contrast_limit,
    operating_point,
    warn_of_false_rejects,
    warn_of_low_contrast,
)
from partsight_train.settings import TrainSettings

LABELS = ("defected", "healthy")
GOOD = np.array([True, True, True, False, False])
SCORES = np.array([0.9, 0.8, 0.4, 0.6, 0.1])


@pytest.mark.parametrize(
    ("escapes", "false_rejects", "above"),
    [
        (1.0, 1.0, 0.7),  # one good part in three is cheaper than one bad part in two
        (100.0, 1.0, 0.7),
        (1.0, 100.0, 0.25),
        (0.0, 1.0, 0.25),
        (1.0, 0.0, 1.0),
    ],
)
def test_the_cheapest_threshold(escapes: float, false_rejects: float, above: float) -> None:
    assert cheapest(SCORES, GOOD, escapes, false_rejects) == pytest.approx(above)


@given(
    st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=30),
    st.floats(0, 10),
    st.floats(0, 10),
)
def test_no_threshold_is_cheaper(
    parts: list[tuple[int, bool]], escapes: float, false_rejects: float
) -> None:
    scores = np.array([score / 10 for score, _ in parts])
    good = np.array([is_good for _, is_good in parts])

    def cost(above: float) -> float:
        accepted = scores > above
        escaped = accepted[~good].mean() if (~good).any() else 0.0
        rejected = (~accepted[good]).mean() if good.any() else 0.0
        return float(escapes * escaped + false_rejects * rejected)

    chosen = cost(cheapest(scores, good, escapes, false_rejects))
    assert all(chosen <= cost(above) + 1e-9 for above in np.linspace(0, 1, 41))


@pytest.mark.parametrize(("rate", "above"), [(None, 0.7), (0.001, 0.25)])
def test_a_rare_defect_moves_the_point(rate: float | None, above: float) -> None:
    """With 1 bad part in 1,000, an escape at 10 is dearer in words only."""
    settings = TrainSettings(cost_escape=10, cost_false_reject=1, defect_rate=rate)
    scores = np.stack([1 - SCORES, SCORES], axis=1)
    point = operating_point(LABELS, ("healthy",), settings, GOOD.astype(np.intp), scores)
    assert point.accept_above == pytest.approx(above)
    assert point.reject_below == min(0.5, point.accept_above)
    assert point.target_recall is None
    expected = (1.0, 1 / 3) if rate is None else (0.5, 0.0)
    assert (point.recall, point.false_reject_rate) == pytest.approx(expected)


def test_without_costs_the_wanted_recall_decides() -> None:
    scores = np.stack([1 - SCORES, SCORES], axis=1)
    truth = GOOD.astype(np.intp)
    point = operating_point(LABELS, ("healthy",), TrainSettings(target_recall=1.0), truth, scores)
    assert (point.target_recall, point.recall) == (1.0, 1.0)
    assert operating_point(LABELS, (), TrainSettings(), truth, scores) == OperatingPoint(())


@pytest.mark.parametrize(("rate", "warned"), [(0.9, True), (0.1, False), (None, False)])
def test_a_point_that_accepts_hardly_a_part_is_warned_of(
    rate: float | None, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    point = dataclasses.replace(OperatingPoint(("healthy",)), recall=0.99, false_reject_rate=rate)
    with caplog.at_level(logging.WARNING):
        warn_of_false_rejects(point)
    assert ("lower --target-recall" in caplog.text) == warned


@pytest.mark.parametrize("accepted", [(), ("ok",)])
@pytest.mark.parametrize("costs", [{}, {"cost_escape": 10.0, "cost_false_reject": 1.0}])
def test_the_least_contrast_is_that_of_the_settings(
    accepted: tuple[str, ...], costs: dict[str, float]
) -> None:
    true, scores = np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]])
    for limit in (0.0, 3.0, 60.0):
        settings = TrainSettings(min_contrast=limit, **costs)
        assert (
            operating_point(("bad", "ok"), accepted, settings, true, scores).min_contrast == limit
        )
    unset = operating_point(("bad", "ok"), accepted, TrainSettings(**costs), true, scores)
    assert unset.min_contrast == 10


@pytest.mark.parametrize(
    ("contrasts", "limit"),
    [
        pytest.param([], 10, id="none measured"),
        pytest.param([30.0] * 20, 10, id="usual parts"),
        pytest.param([0.0] + [30.0] * 20, 10, id="one empty picture among them"),
        pytest.param([12.0] * 20, 6, id="small parts on a plain background"),
        pytest.param([0.0] * 20, 0, id="no contrast at all"),
    ],
)
def test_the_contrast_limit_follows_the_good_pictures(contrasts: list[float], limit: float) -> None:
    assert contrast_limit(np.array(contrasts)) == limit


def test_a_lowered_contrast_limit_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    low = OperatingPoint(("ok",), min_contrast=6.0)
    warn_of_low_contrast(OperatingPoint(("ok",)), TrainSettings())
    warn_of_low_contrast(low, TrainSettings(min_contrast=6.0))
    assert caplog.text == ""
    warn_of_low_contrast(low, TrainSettings())
    assert "6 of 255 grey levels instead of 10" in caplog.text
