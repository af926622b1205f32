"""Metrics, compared with hand-counted cases and with scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.evaluation.metrics import (
    auc,
    classification_metrics,
    confusion_matrix,
    false_positives_at_recall,
    per_label,
    precision_at_recall,
    recall_at_precision,
)
from partsight.evaluation.report_text import metrics_text

# Sums of as many as a hundred floating-point ratios.
EXACT = 1e-12


def test_a_hand_counted_case() -> None:
    true = np.array([0, 0, 0, 1, 1])
    scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8], [0.5, 0.5]])

    metrics = classification_metrics(("bad", "ok"), true, scores)

    assert json.loads(json.dumps(metrics)) == {
        "accuracy": 3 / 5,
        "images": 5,
        "labels": ["bad", "ok"],
        "confusion": [[2, 1], [1, 1]],
        "per_label": {
            "bad": {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3},
            "ok": {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 2},
        },
        # Of six pairs: 0.8 beats all three, 0.5 beats two.
        "auc": 5 / 6,
    }


def test_three_labels_have_no_auc() -> None:
    metrics = classification_metrics(("a", "b", "c"), np.array([0, 2]), np.eye(3)[[0, 1]])

    assert metrics["confusion"] == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert "auc" not in metrics
    assert metrics["per_label"]["b"] == {"precision": 0, "recall": None, "f1": 0, "support": 0}
    assert metrics["per_label"]["c"] == {"precision": None, "recall": 0, "f1": 0, "support": 1}


@pytest.mark.parametrize(
    ("positive", "score", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], 1.0),
        ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], 0.0),
        ([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5], 0.5),
        ([0, 1, 0, 1], [0.1, 0.2, 0.2, 0.3], 0.875),
        ([1, 1], [0.1, 0.2], None),
        ([0, 0], [0.1, 0.2], None),
        ([], [], None),
    ],
)
def test_auc(positive: list[int], score: list[float], expected: float | None) -> None:
    assert auc(np.array(positive, bool), np.array(score, float)) == expected


cases = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.integers(0, 8), min_size=3, max_size=3)), min_size=1
)


@settings(deadline=None)
@given(cases)
def test_metrics_equal_those_of_scikit_learn(case: list[tuple[int, list[int]]]) -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    true = np.array([label for label, _ in case])
    scores = np.array([levels for _, levels in case]) / 8
    predicted = scores.argmax(axis=1)

    confusion = confusion_matrix(true, predicted, 3)
    rows = per_label(("a", "b", "c"), confusion)

    expected = sklearn_metrics.confusion_matrix(true, predicted, labels=[0, 1, 2])
    np.testing.assert_array_equal(confusion, expected)
    figures = sklearn_metrics.precision_recall_fscore_support(
        true, predicted, labels=[0, 1, 2], zero_division=np.nan
    )
    for row, precision, recall, _, support in zip(rows.values(), *figures, strict=True):
        assert (np.nan if row["precision"] is None else row["precision"]) == pytest.approx(
            precision, abs=EXACT, nan_ok=True
        )
        assert (np.nan if row["recall"] is None else row["recall"]) == pytest.approx(
            recall, abs=EXACT, nan_ok=True
        )
        assert row["support"] == support
    positive = true == 1
    if 0 < positive.sum() < len(positive):
        expected_auc = sklearn_metrics.roc_auc_score(positive, scores[:, 1])
        assert auc(positive, scores[:, 1]) == pytest.approx(expected_auc, abs=EXACT)


def test_the_text_for_a_terminal() -> None:
    metrics = classification_metrics(("bad", "ok"), np.array([0, 1, 1]), np.eye(2)[[0, 1, 1]])
    metrics["per_label"]["ok"]["precision"] = None

    lines = metrics_text(metrics).splitlines()

    assert lines[0] == "accuracy 1.0000 on 3 pictures, AUC 1.0000"
    assert lines[2].split() == ["bad", "1", "0"]
    assert lines[3].split() == ["ok", "0", "2"]
    assert len({len(line) for line in lines[1:4]}) == 1
    assert lines[5] == "ok: precision -, recall 1.0000, f1 1.0000, 2 pictures"


def test_the_text_of_a_named_set_without_an_auc() -> None:
    metrics = classification_metrics(("a", "b", "c"), np.array([0]), np.eye(3)[[0]])
    metrics["test_accuracy"], metrics["test_images"] = metrics["accuracy"], metrics["images"]

    assert metrics_text(metrics, "test_").startswith("accuracy 1.0000 on 1 picture\n")


SEPARATED = ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
MIXED = ([1, 0, 1, 0, 1], [0.9, 0.8, 0.7, 0.2, 0.1])
TIED = ([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5])


@pytest.mark.parametrize(
    ("case", "recall", "expected"),
    [
        (SEPARATED, 1.0, 1.0),
        (MIXED, 0.3, 1.0),
        (MIXED, 0.5, 2 / 3),
        (MIXED, 1.0, 3 / 5),
        (TIED, 0.1, 0.5),
        (([1, 1], [0.1, 0.2]), 0.5, None),
    ],
)
def test_precision_at_recall(
    case: tuple[list[int], list[float]], recall: float, expected: float | None
) -> None:
    positive, score = np.array(case[0], bool), np.array(case[1])
    assert precision_at_recall(positive, score, recall) == expected


@pytest.mark.parametrize(
    ("case", "precision", "expected"),
    [
        (SEPARATED, 1.0, 1.0),
        (MIXED, 1.0, 1 / 3),
        (MIXED, 0.66, 2 / 3),
        (MIXED, 0.6, 1.0),
        (TIED, 0.6, 0.0),
        (([0, 0], [0.1, 0.2]), 0.5, None),
    ],
)
def test_recall_at_precision(
    case: tuple[list[int], list[float]], precision: float, expected: float | None
) -> None:
    positive, score = np.array(case[0], bool), np.array(case[1])
    assert recall_at_precision(positive, score, precision) == expected


@pytest.mark.parametrize(
    ("case", "recall", "expected"),
    [
        (SEPARATED, 1.0, 0.0),
        (MIXED, 0.3, 0.0),
        (MIXED, 0.6, 1 / 2),
        (MIXED, 1.0, 1.0),
        (TIED, 0.5, 1.0),
        (([0, 0], [0.1, 0.2]), 0.5, None),
    ],
)
def test_false_positives_at_recall(
    case: tuple[list[int], list[float]], recall: float, expected: float | None
) -> None:
    positive, score = np.array(case[0], bool), np.array(case[1])
    assert false_positives_at_recall(positive, score, recall) == expected
