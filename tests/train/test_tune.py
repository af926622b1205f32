"""The search finds better settings, does not use the test split, and resumes after a kill."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from click.testing import CliRunner, Result
from optuna.trial import FrozenTrial, TrialState
from PIL import Image
from tests.train.conftest import write_parts

from partsight.cli.main import main
from partsight.errors import DatasetError
from partsight.utils.progress import silent
from partsight_train.cli.train import command as train_command_line
from partsight_train.data.dataset import Split, scan, split
from partsight_train.data.prepare import prepare
from partsight_train.data.training_data import TrainingData
from partsight_train.fit.learn import learn
from partsight_train.settings import (
    BALANCES,
    AugmentSettings,
    HeadSettings,
    TrainSettings,
    settings_from_options,
)
from partsight_train.tune.measures import measured
from partsight_train.tune.scoring import fold_scores, rotate_folds
from partsight_train.tune.space import AUGMENTATIONS, MEASURES, Search, train_command
from partsight_train.tune.study import DATABASE, tune

FOLDS = 2
PATIENCE_S = 120.0
# Tolerance for rotated float32 features, whose gradient ends the search a little earlier or later.
SAME_SCORES = 0.01


def search(backbone: Path, l2: float = 0.003, **changes: Any) -> Search:
    base = TrainSettings(backbone=str(backbone), head=HeadSettings(l2=l2))
    return dataclasses.replace(Search(base, backbones=(str(backbone),), folds=FOLDS), **changes)


def arguments(parts: Path, study_dir: Path, backbone: Path, *more: object) -> list[str]:
    fixed = ("-o", study_dir, "--backbone", backbone, "--folds", FOLDS)
    return [str(each) for each in ("tune", parts, *fixed, *more)]


def invoke(parts: Path, study_dir: Path, backbone: Path, *more: object) -> Result:
    return CliRunner().invoke(main, arguments(parts, study_dir, backbone, *more))


def open_study(study_dir: Path) -> optuna.Study:
    url = f"sqlite:///{study_dir / DATABASE}"
    return optuna.load_study(study_name="partsight", storage=url)


def finished(study_dir: Path) -> list[FrozenTrial]:
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    return open_study(study_dir).get_trials(states=states)


def test_a_better_penalty_than_a_bad_start_is_found(
    parts: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    found = tune(parts, tmp_path / "study", search(tiny_backbone, l2=1.0), 6)
    by_number = {trial.number: trial for trial in found.trials}
    start, best = by_number[0], found.trials[0]
    assert start.params["l2"] == 1.0
    assert best.value is not None
    assert start.value is not None
    assert best.value < start.value / 2
    assert found.settings.head.l2 < 0.1
    assert found.confirmed == pytest.approx(best.value, abs=SAME_SCORES)


@pytest.fixture(scope="module")
def uneven(
    tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[AugmentSettings], TrainingData]:
    """Training data of 30 defected and 18 healthy parts."""
    parts = write_parts(tmp_path_factory.mktemp("uneven") / "parts")
    for path in sorted((parts / "healthy").iterdir())[:12]:
        path.unlink()

    @functools.cache
    def training_data(augment: AugmentSettings) -> TrainingData:
        settings = TrainSettings(backbone=str(tiny_backbone), augment=augment)
        return prepare(parts, settings, lambda stage: silent).training_data

    return training_data


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize("copies", [0, 1])
@pytest.mark.parametrize("l2", [1e-3, 0.1])
def test_fast_scoring_gives_the_scores_of_training(
    uneven: Callable[[AugmentSettings], TrainingData],
    tiny_backbone: Path,
    l2: float,
    copies: int,
    balance: Any,
) -> None:
    augment = AugmentSettings(copies, brightness=0.1) if copies else AugmentSettings()
    head = HeadSettings(l2=l2, balance=balance, label_smoothing=0.05)
    settings = TrainSettings(backbone=str(tiny_backbone), head=head, augment=augment)
    training_data = uneven(augment)
    data = rotate_folds(training_data, 3, settings.head)
    for fold, (true, scores) in zip(data.folds, fold_scores(data, settings), strict=True):
        learned = learn(training_data, fold.train, fold.validation, settings, None)
        np.testing.assert_array_equal(true, training_data.examples.labels[fold.test])
        np.testing.assert_allclose(scores, learned.scores(fold.test), atol=SAME_SCORES)


@pytest.mark.parametrize("blocks", [(), (120, 80)])
def test_fast_scoring_works_with_more_features_than_pictures(blocks: tuple[int, ...]) -> None:
    """Joined backbones, whose features are not rotated, give the scores of training too."""
    from partsight_train.data.dataset import Dataset, LabelledImage
    from partsight_train.fit.cross_validation import divide
    from partsight_train.heads.head import Examples

    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = generator.normal(size=(60, 200)) + np.eye(3)[labels] @ generator.normal(
        size=(3, 200)
    )
    images = tuple(
        LabelledImage(Path(f"{row}.png"), int(label), Split.TRAIN, row / 60)
        for row, label in enumerate(labels)
    )
    dataset = Dataset(("a", "b", "c"), images)
    examples = Examples(features.astype(np.float32), labels.astype(np.intp))
    backbone: Any = SimpleNamespace(tiles=(1, 1), blocks=blocks)
    training_data = TrainingData(dataset, backbone, examples, (), ())
    settings = TrainSettings(head=HeadSettings(l2=0.01))
    data = rotate_folds(training_data, 3, settings.head)
    for fold, (_, scores) in zip(divide(dataset, 3), fold_scores(data, settings), strict=True):
        learned = learn(training_data, fold.train, fold.validation, settings, None)
        np.testing.assert_allclose(scores, learned.scores(fold.test), atol=SAME_SCORES)


def test_the_test_split_is_not_used(parts: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    other = shutil.copytree(parts, tmp_path / "other")
    held_out = split(scan(other)).of(Split.TEST)
    assert held_out
    for image in held_out:
        Image.new("RGB", (40, 40), "red").save(image.path)
    one, two = (
        tune(folder, tmp_path / f"study-{folder.name}", search(tiny_backbone), 2)
        for folder in (parts, other)
    )
    assert [t.user_attrs for t in one.trials] == [t.user_attrs for t in two.trials]
    assert (one.test_images, one.images) == (len(held_out), 60 - len(held_out))


def test_a_study_resumes_where_it_ended(parts: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    study_dir = tmp_path / "a study's $folder 100%"
    first = invoke(parts, study_dir, tiny_backbone, "--trials", 3)
    assert first.exit_code == 0, first.output
    assert "Best of 3 trials" in first.output
    assert "of the test split were not used" in first.output
    old = finished(study_dir)
    refused = invoke(parts, study_dir, tiny_backbone, "--trials", 5)
    assert refused.exit_code == 1
    assert "must be new or empty" in refused.output
    changed = invoke(parts, study_dir, tiny_backbone, "--resume", "--measure", "accuracy")
    assert changed.exit_code == 1
    assert "settings changed" in changed.output
    again = invoke(parts, study_dir, tiny_backbone, "--trials", 5, "--resume")
    assert again.exit_code == 0, again.output
    new = finished(study_dir)
    assert [(t.number, t.params, t.value) for t in new[:3]] == [
        (t.number, t.params, t.value) for t in old
    ]
    assert len(new) == 5
    assert len({t.params["l2"] for t in new}) == 5, "new trials must not repeat earlier ones"


def test_the_printed_command_trains(parts: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    study_dir = tmp_path / "study"
    result = invoke(parts, study_dir, tiny_backbone, "--trials", 2, "--test-share", 0.2)
    assert result.exit_code == 0, result.output
    best = json.loads((study_dir / "best.json").read_text())
    program, *words = best["command"]
    assert program == "partsight"
    assert CliRunner().invoke(main, words).exit_code == 0
    config = json.loads((study_dir / "best" / "config.json").read_text())
    assert config["settings"] == best["settings"]
    assert config["pictures"]["test"] == best["test_pictures_left_out"]


def trials_in(database: Path) -> int:
    """Read without Optuna: opening the study would create tables that Optuna is creating."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as tables:
            query = "SELECT COUNT(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')"
            return int(tables.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_a_killed_study_resumes(parts: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    study_dir = tmp_path / "study"
    code = "from partsight.cli.main import main; main()"
    words = arguments(parts, study_dir, tiny_backbone, "--trials", 10_000)
    process = subprocess.Popen([sys.executable, "-c", code, *words])
    deadline = time.monotonic() + PATIENCE_S
    while (
        trials_in(study_dir / DATABASE) < 3
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert trials_in(study_dir / DATABASE) >= 3
    # The kill may have hit between two trials: this one is surely interrupted.
    interrupted = open_study(study_dir).ask()
    interrupted.suggest_float("l2", 1e-4, 1.0, log=True)
    before = finished(study_dir)
    result = invoke(parts, study_dir, tiny_backbone, "--resume", "--trials", len(before) + 3)
    assert result.exit_code == 0, result.output
    study, after = open_study(study_dir), finished(study_dir)
    assert [t.value for t in after[: len(before)]] == [t.value for t in before]
    assert len(after) == len(before) + 3
    assert not study.get_trials(states=(TrialState.RUNNING,))
    assert study.trials[interrupted.number].state is TrialState.FAIL
    assert interrupted.params["l2"] in [t.params["l2"] for t in after[len(before) :]]


def test_a_damaged_study_is_refused(parts: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    study_dir = tmp_path / "study"
    assert invoke(parts, study_dir, tiny_backbone, "--trials", 1).exit_code == 0
    (study_dir / DATABASE).write_bytes(b"no database " * 1000)
    result = invoke(parts, study_dir, tiny_backbone, "--trials", 2, "--resume")
    assert result.exit_code == 1
    assert "cannot be used" in result.output
    assert "Choose a new folder" in result.output


def test_no_trial_starts_after_the_timeout(
    parts: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    ticks = iter(range(0, 1000, 10))
    found = tune(
        parts,
        tmp_path / "study",
        search(tiny_backbone),
        50,
        timeout_s=35,
        clock=lambda: float(next(ticks)),
    )
    assert len(found.trials) + found.pruned == 3


def test_all_choices_are_tried(parts: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tiny_backbone, tmp_path / "other-backbone")
    chosen = search(
        tiny_backbone,
        backbones=(str(tiny_backbone), str(other)),
        optimizers=("lbfgs", "adam"),
        variations=("none", "light"),
        base=TrainSettings(head=HeadSettings(epochs=2)),
    )
    found = tune(parts, tmp_path / "study", chosen, 5)
    tried = finished(tmp_path / "study")
    for name in ("backbone", "optimizer", "variation", "balance"):
        assert len({trial.params[name] for trial in tried}) == 2, name
    for trial in tried:
        assert ("learning_rate" in trial.params) == (trial.params["optimizer"] == "adam")
    assert found.trials


TRUE = np.array([0, 0, 0, 1, 1, 2])
SCORES = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.6, 0.2, 0.2],
        [0.2, 0.7, 0.1],
        [0.1, 0.5, 0.4],
        [0.1, 0.3, 0.6],
        [0.5, 0.3, 0.2],
    ]
)


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("loss", -np.log([0.8, 0.6, 0.2, 0.5, 0.3, 0.2]).mean()),
        ("accuracy", 3 / 6),
        # Label 0 is good: the bad ones score 0.9, 0.9 and 0.5, the good 0.2, 0.4 and 0.8.
        ("auc", 8 / 9),
        ("recall", 2 / 3),
        ("false-rejects", 1 / 3),
    ],
)
def test_measures_of_a_hand_counted_case(measure: Any, value: float) -> None:
    assert measured(Search(measure=measure), (1, 2), TRUE, SCORES) == pytest.approx(value)


def test_all_measures_are_tested() -> None:
    assert set(MEASURES) == {"loss", "accuracy", "auc", "recall", "false-rejects"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": 20}, "lower --folds"),
        ({"measure": "auc"}, "Name the labels of good parts with --accept-label"),
        ({"measure": "false-rejects"}, "Name the labels of good parts"),
    ],
)
def test_data_that_the_measure_cannot_use_is_refused(
    parts: Path, tiny_backbone: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    (parts / "healthy").rename(parts / "type-b")
    with pytest.raises(DatasetError, match=message):
        tune(parts, tmp_path / "study", search(tiny_backbone, **changes), 1)
    assert not (tmp_path / "study" / DATABASE).exists()


@pytest.mark.parametrize(
    "settings",
    [
        TrainSettings(),
        TrainSettings(accept_labels=("good", "very good"), image_size=96, test_share=0.25),
        *(TrainSettings(augment=augment) for augment in AUGMENTATIONS.values()),
        TrainSettings(
            backbone="a b",
            head=HeadSettings("adam", learning_rate=0.0123, l2=1e-5, balance="sampling", seed=3),
        ),
    ],
)
def test_the_command_line_gives_the_same_settings(settings: TrainSettings) -> None:
    _, _, *words = train_command(Path("parts"), Path("run"), settings)
    context = train_command_line.make_context("train", words)
    assert settings_from_options(context.params) == settings


def test_without_optuna_the_error_names_the_package_to_install(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name)
    )
    result = invoke(parts, tmp_path / "study", tmp_path)
    assert result.exit_code == 1
    assert "not installed: optuna" in result.output
    assert "pip install 'partsight[train,tune]'" in result.output
    assert not (tmp_path / "study").exists()
