"""The head learns, keeps the best weights, and folds its scaling back exactly."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from partsight_train.heads.fit_head import FittedHead, fit_head
from partsight_train.heads.head import Examples, class_weights, predict
from partsight_train.heads.optimization import learning_rate
from partsight_train.settings import BALANCES, KEEP_BEST, OPTIMIZERS, SCHEDULES, HeadSettings

QUICK = HeadSettings("adam", epochs=15, patience=None, learning_rate=0.1)
UNSEEN = 2


def examples(seed: int, labels: int = 2, count: int = 120) -> Examples:
    """Clusters with widely different feature scales, one per label."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(labels, 12)) * np.geomspace(0.01, 3, 12)
    truth = np.arange(count) % labels
    features = centres[truth] + 0.05 * generator.normal(size=(count, 12))
    # A constant feature must not be divided by its deviation.
    features[:, 0] = 5.0
    return Examples(features.astype(np.float32), truth.astype(np.intp))


def fit(settings: HeadSettings, labels: int = 2, **where: Any) -> FittedHead:
    return fit_head(examples(0, labels), examples(1, labels), labels, settings, bad=(0,), **where)


def accuracy(fitted: FittedHead, labels: int = 2) -> float:
    unseen = examples(UNSEEN, labels)
    scores = predict(fitted.head, unseen.features)
    return float((scores.argmax(axis=1) == unseen.labels).mean())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("labels", [2, 5])
def test_the_head_learns_separable_clusters(labels: int, optimizer: Any) -> None:
    fitted = fit(dataclasses.replace(QUICK, optimizer=optimizer), labels)
    assert fitted.head.kernel.shape == (12, labels)
    assert fitted.head.bias.shape == (labels,)
    assert accuracy(fitted, labels) > 0.95


CHOICES: list[dict[str, Any]] = [
    # Two settings per case, because each takes a second.
    *(
        {"keep_best": measure, "balance": BALANCES[index % len(BALANCES)]}
        for index, measure in enumerate(KEEP_BEST)
    ),
    *({"optimizer": "lbfgs", "balance": balance} for balance in BALANCES),
    {"optimizer": "lbfgs", "label_smoothing": 0.2},
    {"optimizer": "lbfgs", "scale_features": False},
    *({"schedule": schedule, "warmup_steps": 10} for schedule in SCHEDULES),
    {"optimizer": "sgd", "momentum": 0.9},
    {"steps": 60, "eval_interval": 7},
    {"dropout": 0.5, "label_smoothing": 0.2},
    {"l1": 1e-3, "l2": 0.0},
    {"scale_features": False},
    {"validation_batch_size": 7, "batch_size": 11},
]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_the_head_learns_with_every_setting(choice: dict[str, Any]) -> None:
    assert accuracy(fit(dataclasses.replace(QUICK, **choice))) > 0.95


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (fit(dataclasses.replace(QUICK, epochs=3)) for _ in range(2))
    np.testing.assert_array_equal(first.head.kernel, second.head.kernel)
    other = fit(dataclasses.replace(QUICK, epochs=3, seed=1))
    assert not np.array_equal(first.head.kernel, other.head.kernel)


def test_lbfgs_finds_the_minimum_that_scikit_learn_finds() -> None:
    """The two columns of W share the l2 of scikit-learn's single column: l2 = 1 / (C N)."""
    train = noise(0, count=200)
    fitted = fit_head(train, noise(1), 2, HeadSettings(l2=0.01, scale_features=False))
    exact = LogisticRegression(C=1 / (0.01 * 200), tol=1e-8, max_iter=5000)
    exact.fit(train.features, train.labels)
    np.testing.assert_allclose(
        predict(fitted.head, train.features), exact.predict_proba(train.features), atol=1e-3
    )


@pytest.mark.parametrize("wrong", [{"l1": 0.1}, {"dropout": 0.1}, {"keep_best": "auc"}], ids=str)
def test_lbfgs_refuses_settings_that_it_does_not_support(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Choose --optimizer adam or sgd"):
        HeadSettings(**wrong)


def noise(seed: int, count: int = 60) -> Examples:
    """Features without relation to their labels."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, 40)).astype(np.float32)
    return Examples(features, generator.integers(0, 2, count).astype(np.intp))


@pytest.mark.parametrize("patience", [8, None])
def test_the_weights_with_the_lowest_validation_loss_are_kept(patience: int | None) -> None:
    """With random labels, longer training only makes validation worse."""
    settings = HeadSettings("adam", epochs=100, patience=patience, learning_rate=0.05, l2=0)
    fitted = fit_head(noise(0), noise(1), 2, settings)
    losses = [look["val_loss"] for look in fitted.history]
    scores = predict(fitted.head, noise(1).features)
    loss = -np.log(scores[np.arange(60), noise(1).labels]).mean()
    assert loss == pytest.approx(min(losses[5:]), rel=1e-4)
    assert min(losses[5:]) < 0.8 * losses[-1]
    assert (len(losses) == 100) == (patience is None)


def test_the_history_has_one_row_per_validation() -> None:
    fitted = fit(dataclasses.replace(QUICK, steps=20, eval_interval=5))
    assert len(fitted.history) == 4
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= fitted.history[0].keys()
    assert fitted.history[-1]["val_loss"] < fitted.history[0]["val_loss"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("balance", "fair"), [("none", False), ("sampling", True), ("class-weights", True)]
)
def test_balancing_moves_the_border_of_a_rare_label(
    balance: Any, fair: bool, optimizer: Any
) -> None:
    """With 5 of 100 and overlapping clusters, only balancing puts the border in the middle."""
    generator = np.random.default_rng(0)
    truth = (np.arange(400) % 20 == 0).astype(np.intp)
    features = (2 * truth[:, np.newaxis] + generator.normal(size=(400, 1))).astype(np.float32)
    data = Examples(features, truth)
    settings = dataclasses.replace(QUICK, epochs=40, optimizer=optimizer, balance=balance, l2=0.0)
    head = fit_head(data, data, 2, settings).head
    border = -(head.bias[1] - head.bias[0]) / (head.kernel[0, 1] - head.kernel[0, 0])
    assert (abs(border - 1.0) < 0.3) == fair, border


def test_logs_are_added_to_earlier_logs(tmp_path: Path) -> None:
    (tmp_path / "earlier").write_text("an earlier run's")
    fit(dataclasses.replace(QUICK, epochs=2), log_dir=tmp_path)
    assert (tmp_path / "earlier").read_text() == "an earlier run's"
    assert list(tmp_path.rglob("events.out.tfevents.*"))


def test_requested_checkpoints_are_written(tmp_path: Path) -> None:
    fit(dataclasses.replace(QUICK, steps=20, checkpoint_interval=10), checkpoint_dir=tmp_path)
    assert len(list(tmp_path.glob("head-*.weights.h5"))) == 2


def test_each_validation_is_reported_with_its_loss() -> None:
    texts = []

    def progress(items: Any, total: int, *, show: Any) -> Any:
        for item in items:
            yield item
            texts.append(show(item))

    fit_head(examples(0), examples(1), 2, dataclasses.replace(QUICK, epochs=3), progress=progress)
    assert len(texts) == 3
    assert all("val_loss" in text for text in texts)


def test_class_weights_give_all_labels_the_same_total() -> None:
    labels = np.array([0] * 30 + [1] * 10, np.intp)
    weights = class_weights(labels, 2)
    assert weights[0] * 30 == weights[1] * 10
    assert sum(weights[label] for label in labels) == len(labels)


@pytest.mark.parametrize(
    ("schedule", "warmup", "step", "rate"),
    [
        ("constant", 0, 50, 1.0),
        ("constant", 10, 5, 0.5),
        ("constant", 10, 60, 1.0),
        ("cosine", 0, 50, 0.5),
        ("cosine", 0, 100, 0.0),
        ("cosine", 20, 10, 0.5),
        ("cosine", 20, 20, 1.0),
        ("cosine", 20, 60, 0.5),
        ("cosine", 20, 100, 0.0),
    ],
)
def test_the_learning_rate_by_step(schedule: Any, warmup: int, step: int, rate: float) -> None:
    value = learning_rate(1.0, schedule, warmup, 100)
    now = float(value(step)) if callable(value) else value
    assert now == pytest.approx(rate, abs=1e-6)
