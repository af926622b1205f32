"""Limits on the difference between a file and the float model."""

from __future__ import annotations

import numpy as np
import pytest

from partsight_train.export.gate import Limits, breaches, compare

LABELS = ("bad", "good")
TRUE = np.array([0] * 10 + [1] * 10)


def scores(predicted: list[int], highest: float = 0.9) -> np.ndarray:
    table = np.full((len(predicted), 2), 1 - highest)
    table[np.arange(len(predicted)), predicted] = highest
    return table


RIGHT = TRUE.tolist()
ONE_ESCAPES = [1, *RIGHT[1:]]
ONE_FOR_ANOTHER = [1, *RIGHT[1:19], 0]


@pytest.mark.parametrize(
    ("by_float", "by_file", "agreement", "accuracy_loss", "bad", "good"),
    [
        (RIGHT, RIGHT, 1.0, 0.0, 0.0, 0.0),
        (RIGHT, ONE_ESCAPES, 0.95, 0.05, 0.1, 0.0),
        (ONE_ESCAPES, RIGHT, 0.95, -0.05, -0.1, 0.0),
        (RIGHT, ONE_FOR_ANOTHER, 0.9, 0.1, 0.1, 0.1),
        (ONE_ESCAPES, [*RIGHT[:19], 0], 0.9, 0.0, -0.1, 0.1),
    ],
)
def test_losses_of_hand_counted_cases(
    by_float: list[int],
    by_file: list[int],
    agreement: float,
    accuracy_loss: float,
    bad: float,
    good: float,
) -> None:
    parity = compare(LABELS, TRUE, scores(by_float), scores(by_file, 0.8))
    assert parity["agreement"] == pytest.approx(agreement)
    assert parity["accuracy_loss"] == pytest.approx(accuracy_loss)
    assert parity["recall_loss"] == pytest.approx({"bad": bad, "good": good})
    assert parity["max_difference"] == pytest.approx(0.1 if agreement == 1 else 0.7)


def test_a_label_without_pictures_has_no_recall_loss() -> None:
    parity = compare(LABELS, TRUE[:10], scores(RIGHT[:10]), scores(RIGHT[:10]))
    assert parity["recall_loss"] == {"bad": 0.0, "good": None}
    assert breaches(parity, Limits()) == []


@pytest.mark.parametrize(
    ("by_file", "limits", "expected"),
    [
        (RIGHT, Limits(0, 0, 1), []),
        (ONE_ESCAPES, Limits(0.05, 0.1, 0.95), []),
        (ONE_ESCAPES, Limits(0.04, 0.1, 0.95), ["its accuracy falls by 5.00 percentage points"]),
        (
            ONE_ESCAPES,
            Limits(0.05, 0.09, 0.95),
            ["its recall of bad falls by 10.00 percentage points"],
        ),
        (ONE_ESCAPES, Limits(0.05, 0.1, 0.96), ["label to 95.00% of the test images"]),
        (ONE_FOR_ANOTHER, Limits(), ["90.00%", "accuracy", "recall of bad", "recall of good"]),
    ],
)
def test_every_exceeded_limit_has_a_sentence(
    by_file: list[int], limits: Limits, expected: list[str]
) -> None:
    found = breaches(compare(LABELS, TRUE, scores(RIGHT), scores(by_file)), limits)
    assert len(found) == len(expected)
    for sentence, words in zip(found, expected, strict=True):
        assert words in sentence
