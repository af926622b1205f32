"""Metrics of verdicts, compared with hand-counted cases; with missing classes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.intervals import auc_interval, proportion_interval
from partsight.evaluation.verdict_metrics import verdict_metrics

POINT = OperatingPoint(("ok",), accept_above=0.8, reject_below=0.5)


def scored(good_scores: list[float]) -> np.ndarray:
    ok = np.array(good_scores)
    return np.stack([1 - ok, ok], axis=1)


def test_a_hand_counted_case() -> None:
    true = np.array([0, 0, 0, 0, 1, 1, 1])
    scores = scored([0.9, 0.7, 0.2, 0.1, 0.95, 0.85, 0.6])

    metrics = verdict_metrics(("bad", "ok"), true, scores, POINT)

    assert metrics["verdicts"] == {
        "good": {"accept": 2, "reject": 0, "review": 1},
        "bad": {"accept": 1, "reject": 2, "review": 1},
    }
    assert metrics["recall_of_bad"] == 3 / 4
    assert metrics["false_reject_rate"] == 1 / 3
    # Of twelve pairs, 0.9 outscores two good parts and 0.7 one.
    assert metrics["auc_of_bad"] == 9 / 12
    intervals = metrics["intervals"]
    assert intervals["accuracy"] == proportion_interval(5, 7)
    assert intervals["recall_of_bad"] == proportion_interval(3, 4)
    assert intervals["false_reject_rate"] == proportion_interval(1, 3)
    assert intervals["auc_of_bad"] == auc_interval(9 / 12, 4, 3)
    assert intervals["per_label"]["bad"] == {
        "precision": proportion_interval(2, 2),
        "recall": proportion_interval(2, 4),
    }
    for name, (low, high) in metrics["bootstrap_intervals"].items():
        measured = 5 / 7 if name == "accuracy" else metrics[name]
        assert low < measured < high, name


def test_several_good_labels_and_several_bad() -> None:
    labels = ("crack", "dull", "dent", "shiny")
    true = np.array([0, 1, 2, 3])
    # The crack is taken for a dent: a wrong label, a right verdict.
    scores = np.array(
        [[0.2, 0.1, 0.6, 0.1], [0.1, 0.5, 0.0, 0.4], [0.1, 0.1, 0.7, 0.1], [0, 0.6, 0, 0.4]]
    )
    metrics = verdict_metrics(
        labels, true, scores, OperatingPoint(("dull", "shiny"), accept_above=0.85)
    )
    assert metrics["verdicts"]["bad"] == {"accept": 0, "reject": 2, "review": 0}
    assert metrics["verdicts"]["good"] == {"accept": 2, "reject": 0, "review": 0}
    assert metrics["auc_of_bad"] == 1
    assert metrics["intervals"]["accuracy"] == proportion_interval(2, 4)


@pytest.mark.parametrize(
    ("true", "accept_labels", "known"),
    [
        ([0, 0, 1], (), {"accuracy"}),
        ([0, 0, 0], ("ok",), {"accuracy", "recall_of_bad"}),
        ([1, 1, 1], ("ok",), {"accuracy", "false_reject_rate"}),
        ([], ("ok",), set()),
        ([0, 1, 1], ("ok",), {"accuracy", "recall_of_bad", "false_reject_rate", "auc_of_bad"}),
    ],
)
def test_metrics_without_data_are_none(
    true: list[int], accept_labels: tuple[str, ...], known: set[str]
) -> None:
    scores = scored([0.3, 0.6, 0.9][: len(true)])
    point = OperatingPoint(accept_labels)
    metrics = verdict_metrics(("bad", "ok"), np.array(true, np.intp), scores, point)

    assert {k for k in metrics["bootstrap_intervals"] if metrics["bootstrap_intervals"][k]} == known
    rates = {"recall_of_bad", "false_reject_rate", "auc_of_bad"}
    assert {name for name in rates if metrics[name] is not None} == known - {"accuracy"}
    assert {name for name in {*rates, "accuracy"} if metrics["intervals"][name]} == known
    assert (metrics["verdicts"] is None) == (not accept_labels)
    json.dumps(metrics, allow_nan=False)
