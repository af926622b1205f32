"""The head: classic in its parameters, exact when its scaling is folded back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from partsight_train.head import Examples, fit_head, predict
from partsight_train.settings import HeadSettings

QUICK = HeadSettings(epochs=40, patience=40, learning_rate=0.03)


def examples(seed: int, labels: int = 2, count: int = 120) -> Examples:
    """Clusters of widely different feature scales, one a label."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(labels, 12)) * np.geomspace(0.01, 3, 12)
    truth = np.arange(count) % labels
    features = centres[truth] + 0.05 * generator.normal(size=(count, 12))
    # A feature that never changes: nothing may be divided by its spread.
    features[:, 0] = 5.0
    return Examples(features.astype(np.float32), truth.astype(np.intp))


@pytest.mark.parametrize("labels", [2, 5])
def test_it_has_one_weight_a_feature_and_label_and_learns(labels: int, tmp_path: Path) -> None:
    head = fit_head(examples(0, labels), examples(1, labels), labels, QUICK, tmp_path)
    assert head.kernel.shape == (12, labels)
    assert head.bias.shape == (labels,)
    unseen = examples(2, labels)
    scores = predict(head, unseen.features)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert (scores.argmax(axis=1) == unseen.labels).mean() > 0.95


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    heads = [fit_head(examples(0), examples(1), 2, QUICK, tmp_path) for _ in range(2)]
    np.testing.assert_array_equal(heads[0].kernel, heads[1].kernel)


def test_the_weights_with_the_lowest_validation_loss_are_kept(tmp_path: Path) -> None:
    """On labels that are noise, longer training only makes validation worse."""
    generator = np.random.default_rng(0)
    noise = [
        Examples(
            generator.normal(size=(60, 40)).astype(np.float32),
            generator.integers(0, 2, 60).astype(np.intp),
        )
        for _ in range(2)
    ]

    def loss(epochs: int) -> float:
        settings = HeadSettings(epochs, patience=8, learning_rate=0.05, l2=0)
        head = fit_head(*noise, 2, settings, tmp_path)
        scores = predict(head, noise[1].features)
        return float(-np.log(scores[np.arange(60), noise[1].labels]).mean())

    assert loss(200) < 2 * loss(7)


def test_logs_are_added_and_earlier_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "earlier").write_text("an earlier run's")
    fit_head(examples(0), examples(1), 2, HeadSettings(epochs=2), tmp_path)
    assert (tmp_path / "earlier").read_text() == "an earlier run's"
    assert list(tmp_path.rglob("events.out.tfevents.*"))
