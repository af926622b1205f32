"""The values of the report: curves compared with scikit-learn, thresholds, overlays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.train.run_records import record, scored, two_labels

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.intervals import proportion_interval
from partsight_train.report.curves import calibration_error, precision_recall, reliability, roc
from partsight_train.report.kinds import Kinds, kinds_of
from partsight_train.report.mistakes import MOST_MISTAKES, mistakes, overlay
from partsight_train.report.thresholds import defect_rate, thresholds

# Floating-point ratios of small numbers.
EXACT = 1e-12

cases = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40)


@settings(deadline=None)
@given(cases)
def test_curves_are_those_of_scikit_learn(case: list[tuple[bool, int]]) -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    bad, score = np.array([b for b, _ in case]), np.array([s for _, s in case]) / 8
    assume(bad.any() and not bad.all())
    kinds = Kinds(bad, score)

    found = np.stack(roc(kinds))
    expected = sklearn_metrics.roc_curve(bad, 1 - score, drop_intermediate=False)
    np.testing.assert_allclose(found, expected[:2], atol=EXACT)

    recall, precision = precision_recall(kinds)
    # scikit-learn goes from high recall to low, and adds a point at none.
    expected = sklearn_metrics.precision_recall_curve(bad, 1 - score)
    np.testing.assert_allclose(recall[::-1], expected[1][:-1], atol=EXACT)
    np.testing.assert_allclose(precision[::-1], expected[0][:-1], atol=EXACT)


def test_reliability_of_a_hand_counted_case() -> None:
    score = np.array([0.0, 0.05, 0.31, 0.39, 0.35, 1.0])
    bins = reliability(score, np.array([False, True, False, False, True, True]))

    assert [b.count for b in bins] == [2, 3, 1]
    assert [b.share for b in bins] == [1 / 2, 1 / 3, 1]
    assert [b.score for b in bins] == pytest.approx([0.025, 0.35, 1.0])
    assert bins[1].interval == proportion_interval(1, 3)
    assert calibration_error(bins) == pytest.approx((2 * 0.475 + 3 * (0.35 - 1 / 3)) / 6)
    assert calibration_error(reliability(np.zeros(0), np.zeros(0, bool))) is None


def test_thresholds_are_chosen_on_validation_and_measured_on_test() -> None:
    bad, good = np.linspace(0.01, 0.95, 20), np.linspace(0.5, 0.99, 20)
    validation = Kinds(np.repeat([True, False], 20), np.concatenate([bad, good]))
    test = Kinds(np.array([True, True, False, False]), np.array([0.1, 0.93, 0.7, 0.97]))
    point = OperatingPoint(("ok",), accept_above=0.9, target_recall=0.92)

    rows = thresholds(validation, test, point, bad_share=0.1)

    assert [row.accept_above for row in rows] == sorted(row.accept_above for row in rows)
    (chosen,) = (row for row in rows if row.chosen)
    assert (chosen.accept_above, chosen.targets) == (0.9, (0.92,))
    assert [row.targets for row in rows if not row.chosen] == [
        (0.9,),
        (0.95,),
        # Not one of twenty may be accepted.
        (0.98, 0.99, 0.995, 1.0),
    ]
    assert chosen.recall is not None
    assert chosen.recall.value == 1 / 2
    assert (chosen.recall.low, chosen.recall.high) == proportion_interval(1, 2)
    assert chosen.escapes_per_thousand is not None
    # A hundred of a thousand are bad, and half of them escape.
    assert chosen.escapes_per_thousand.value == pytest.approx(50)
    assert chosen.escapes_per_thousand.low == pytest.approx(100 * (1 - chosen.recall.high))
    assert chosen.escapes_per_thousand.high == pytest.approx(100 * (1 - chosen.recall.low))
    assert chosen.false_rejects_per_thousand is not None
    assert chosen.false_rejects_per_thousand.value == pytest.approx(450)
    assert rows[-1].recall is not None
    assert rows[-1].recall.value == 1


def test_figures_of_a_missing_kind_are_none() -> None:
    kinds = Kinds(np.array([True, True]), np.array([0.2, 0.6]))
    (row, *_) = thresholds(kinds, kinds, OperatingPoint(("ok",)), bad_share=1.0)
    assert row.recall is not None
    assert row.false_rejects is None
    assert row.false_rejects_per_thousand is None
    assert row.targets == ()


@pytest.mark.parametrize(
    ("provenance", "expected"),
    [
        ({}, (0.25, False)),
        ({"settings": {"defect_rate": None}}, (0.25, False)),
        ({"settings": {"defect_rate": 0.001}}, (0.001, True)),
    ],
)
def test_a_given_defect_rate_replaces_that_of_the_test_split(
    provenance: dict, expected: tuple[float, bool]
) -> None:
    rate = defect_rate(provenance, Kinds(np.array([True, False, False, False]), np.zeros(4)))
    assert rate is not None
    assert (rate.share, rate.given) == expected


def test_without_a_good_label_there_are_no_kinds(tmp_path: Path) -> None:
    assert kinds_of(scored([0, 1], np.eye(2), tmp_path), ("a", "b"), ()) is None


def test_mistakes_are_sorted_by_score(tmp_path: Path) -> None:
    run = two_labels(tmp_path, count=300)
    shown, total = mistakes(run)
    wrong = run.on_test.scores.argmax(axis=1) != run.on_test.true
    assert total == wrong.sum() > MOST_MISTAKES == len(shown)
    scores = [mistake.score for mistake in shown]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == run.on_test.scores[wrong].max()
    assert all(mistake.true != mistake.predicted for mistake in shown)
    assert {m.escaped for m in shown} == {m.verdict == "accept" for m in shown if m.true == "bad"}
    assert all(m.image and m.overlay and m.image != m.overlay for m in shown)


def test_an_escape_with_the_correct_label_is_a_mistake(tmp_path: Path) -> None:
    """The good labels share more than half of the score, but the bad label has the highest."""
    test = scored([0, 1, 2], [[0.4, 0.35, 0.25], [0, 1, 0], [0, 0, 1]], tmp_path)
    run = record(("bad", "dull", "shiny"), test, ("dull", "shiny"))
    point = {**run.metrics["int8"]["operating_point"], "accept_above": 0.5}
    run.metrics["int8"]["operating_point"] = point
    ((mistake,), total) = mistakes(run)
    assert (total, mistake.true, mistake.predicted, mistake.escaped) == (1, "bad", "bad", True)
    assert mistake.image is None


def test_the_overlay_is_transparent_without_evidence() -> None:
    image = np.full((60, 80, 3), 100, np.uint8)
    heat = np.full((6, 8), -1, np.float32)
    np.testing.assert_array_equal(overlay(image, heat), image)
    np.testing.assert_array_equal(overlay(image, 0 * heat), image)
    heat[1, 6] = 50
    blended = overlay(image, heat)
    changed = np.argwhere((blended != image).any(axis=2))
    assert blended.shape == image.shape
    assert (abs(changed - (15, 65)) <= 15).all()
    assert len(changed) > 0
