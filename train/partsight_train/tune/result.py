"""What a search found, as text and as ``best.json``."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from partsight_train.run.provenance import public_settings
from partsight_train.settings import TrainSettings
from partsight_train.tune.space import Search, train_command

__all__ = ["BEST", "Found", "best_document", "found_text"]

BEST = "best.json"
_ROWS = 10
# Of fewer, the importances are those of chance.
_ENOUGH_TRIALS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a search found.

    Attributes:
        search: what was searched.
        settings: the best.
        trials: those that were judged on all folds, the best first.
        pruned: how many others were given up as hopeless.
        confirmed: the best settings' measure when fitted on each fold as ``train`` fits.
        pictures: how many there were to search with.
        test_pictures: how many took no part.
        failed: path to the reason why a picture could not be read.
    """

    search: Search
    settings: TrainSettings
    trials: tuple[FrozenTrial, ...]
    pruned: int
    confirmed: float
    pictures: int
    test_pictures: int
    failed: Mapping[Path, str]


def found_text(found: Found, image_dir: Path, study_dir: Path) -> str:
    """The best trials, what each setting matters, and how to train with the best."""
    search, best = found.search, found.trials[0]
    command = shlex.join(train_command(image_dir, study_dir / "best", found.settings))
    sections = [
        f"Best of {len(found.trials) + found.pruned} trials ({found.pruned} given up early), by "
        f"{search.measure}, {'lower' if search.lower_is_better else 'higher'} is better; trial 0 "
        f"is where the search began:\n{_table(found.trials[:_ROWS])}",
        *_importance_text(found),
        f"Each was judged on {search.folds} folds of {found.pictures} pictures. The "
        f"{found.test_pictures} pictures of the test split took no part. The best of many is "
        "flattered by its folds; what it is worth, the test split says once it is trained.",
        f"The best, fitted on each fold as it will be trained: {search.measure} "
        f"{found.confirmed:.4f} (in the search {best.value:.4f})",
        f"Train with the best:\n{command}",
    ]
    return "\n\n".join(sections)


def best_document(found: Found, image_dir: Path, study_dir: Path) -> dict[str, Any]:
    """The document of ``best.json``."""
    best = found.trials[0]
    return {
        "measure": found.search.measure,
        "value": best.value,
        "by_fold": best.user_attrs["by_fold"],
        "confirmed": found.confirmed,
        "trial": best.number,
        "chosen": best.params,
        "settings": public_settings(dataclasses.asdict(found.settings)),
        "trials": len(found.trials),
        "pruned": found.pruned,
        "pictures": found.pictures,
        "test_pictures_left_out": found.test_pictures,
        "importance": _importance(found),
        "command": train_command(image_dir, study_dir / "best", found.settings),
    }


def _table(trials: tuple[FrozenTrial, ...]) -> str:
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    rows = [["trial", "mean", "+/-", *names]] + [
        [str(trial.number), f"{trial.value:.4f}", f"{_deviation(trial):.4f}"]
        + [_cell(trial.params.get(name)) for name in names]
        for trial in trials
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def _deviation(trial: FrozenTrial) -> float:
    return float(np.std(trial.user_attrs["by_fold"]))


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _importance_text(found: Found) -> list[str]:
    shares = _importance(found)
    if not shares:
        return []
    lines = [f"  {name}: {share:.0%}" for name, share in shares.items()]
    return ["\n".join(["How much each setting matters:", *lines])]


def _importance(found: Found) -> dict[str, float]:
    """Each setting's share of the differences between trials (F. Hutter et al., "An Efficient
    Approach for Assessing Hyperparameter Importance", 2014); none where they are too few."""
    if len(found.trials) < _ENOUGH_TRIALS:
        return {}
    study = optuna.create_study()
    study.add_trials(found.trials)
    try:
        evaluator = FanovaImportanceEvaluator(seed=found.search.seed)
        return {k: float(v) for k, v in get_param_importances(study, evaluator=evaluator).items()}
    except RuntimeError:  # all trials are equally good
        return {}
