"""The result of a search, as text and as ``best.json``."""

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

from partsight.utils.counts import counted
from partsight_train.run.provenance import public_settings
from partsight_train.settings import TrainSettings
from partsight_train.tune.space import Search, train_command

__all__ = ["BEST", "SearchResult", "best_document", "result_text"]

BEST = "best.json"
_ROWS = 10
# With fewer trials, importances are random.
_ENOUGH_TRIALS = 20


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """The result of a search.

    Attributes:
        search: the search space and the measure.
        settings: the best settings.
        trials: trials that were scored on all folds, the best first.
        pruned: number of trials that were stopped early because they were worse.
        confirmed: measure of the best settings, fitted on each fold as ``train`` fits.
        images: number of images used in the search.
        test_images: number of images of the test split, which were not used.
        failed: path and reason of each image that could not be read.
    """

    search: Search
    settings: TrainSettings
    trials: tuple[FrozenTrial, ...]
    pruned: int
    confirmed: float
    images: int
    test_images: int
    failed: Mapping[Path, str]


def result_text(result: SearchResult, image_dir: Path, study_dir: Path) -> str:
    """The best trials, the importance of each setting, and the command for the best settings."""
    search, best = result.search, result.trials[0]
    command = shlex.join(train_command(image_dir, study_dir / "best", result.settings))
    sections = [
        f"Best of {counted(len(result.trials) + result.pruned, 'trial')} ({result.pruned} stopped "
        f"early), by {search.measure}: mean and standard deviation (+/-) over the folds; "
        f"{'lower' if search.lower_is_better else 'higher'} is better. Trial 0 has the default "
        f"settings.\n{_table(result.trials[:_ROWS])}",
        *_importance_text(result),
        f"Each trial was scored on {search.folds} folds of {result.images} images. The "
        f"{result.test_images} images of the test split were not used. The best of many trials "
        "looks better than it is; after training, the test split shows how good it is.",
        f"The best settings, fitted on each fold as in training: {search.measure} "
        f"{result.confirmed:.4f} (in the search {best.value:.4f})",
        f"Train with the best settings:\n{command}",
    ]
    return "\n\n".join(sections)


def best_document(result: SearchResult, image_dir: Path, study_dir: Path) -> dict[str, Any]:
    """The document of ``best.json``."""
    best = result.trials[0]
    return {
        "measure": result.search.measure,
        "value": best.value,
        "by_fold": best.user_attrs["by_fold"],
        "confirmed": result.confirmed,
        "trial": best.number,
        "chosen": best.params,
        "settings": public_settings(dataclasses.asdict(result.settings)),
        "trials": len(result.trials),
        "pruned": result.pruned,
        "pictures": result.images,
        "test_pictures_left_out": result.test_images,
        "importance": _importance(result),
        "command": train_command(image_dir, study_dir / "best", result.settings),
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


def _importance_text(result: SearchResult) -> list[str]:
    shares = _importance(result)
    if not shares:
        return []
    lines = [f"  {name}: {share:.0%}" for name, share in shares.items()]
    return ["\n".join(["Importance of each setting:", *lines])]


def _importance(result: SearchResult) -> dict[str, float]:
    """Share of each setting in the variance between trials (F. Hutter et al., "An Efficient
    Approach for Assessing Hyperparameter Importance", 2014); empty if there are too few trials."""
    if len(result.trials) < _ENOUGH_TRIALS:
        return {}
    study = optuna.create_study()
    study.add_trials(result.trials)
    try:
        evaluator = FanovaImportanceEvaluator(seed=result.search.seed)
        return {k: float(v) for k, v in get_param_importances(study, evaluator=evaluator).items()}
    except RuntimeError:  # all trials are equally good
        return {}
