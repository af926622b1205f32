"""The shipped model has the accuracy of its card, on images it was not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from partsight import Classifier
from partsight.sample_data import LABELS, render_part

PROMISED_ACCURACY = 0.95
MAX_BYTES = 6_000_000
# The card's model was trained on seed 0.
FRESH_SEED = 11
PER_LABEL = 60


def test_the_shipped_model_is_small_enough_for_git(model_path: Path) -> None:
    assert model_path.stat().st_size < MAX_BYTES


def test_the_card_names_its_digest(model_path: Path) -> None:
    digest = Classifier.load(model_path).model_sha256
    assert digest in (model_path.parent / "README.md").read_text(encoding="utf-8")


def test_the_shipped_model_has_the_accuracy_of_its_card(model_path: Path) -> None:
    classifier = Classifier.load(model_path)
    right = [
        classifier.classify([render_part(label, index, FRESH_SEED)])[0].label == label
        for label in LABELS
        for index in range(PER_LABEL)
    ]
    assert np.mean(right) >= PROMISED_ACCURACY
