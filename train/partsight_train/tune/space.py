"""The search space: from an Optuna trial to ``TrainSettings`` and to a command line.

Does not import TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from partsight.utils.redaction import redact_address
from partsight_train.settings import (
    DEFAULT_BACKBONE,
    AugmentSettings,
    Balance,
    OptimizerName,
    TrainSettings,
)

__all__ = [
    "MEASURES",
    "AUGMENTATIONS",
    "Measure",
    "Search",
    "choose",
    "first_choice",
    "train_command",
]

Measure = Literal["loss", "accuracy", "auc", "recall", "false-rejects"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

# For each, the features of every augmented copy of every image are computed once.
AUGMENTATIONS: Mapping[str, AugmentSettings] = {
    "none": AugmentSettings(),
    "flips": AugmentSettings(flip_left_right=True, flip_up_down=True),
    "light": AugmentSettings(brightness=0.15, contrast=0.15),
    "moves": AugmentSettings(rotation=5, shift=0.05, zoom=0.05),
    "all": AugmentSettings(
        flip_left_right=True,
        flip_up_down=True,
        brightness=0.15,
        contrast=0.15,
        rotation=5,
        shift=0.05,
        zoom=0.05,
    ),
}
# With a smaller penalty, the result depends on where L-BFGS stops.
_L2 = (1e-4, 1.0)
_LEARNING_RATE = (1e-4, 1e-1)
_MOST_SMOOTHING = 0.1
# For L-BFGS, balancing by sampling and by weights is the same.
_BALANCES: tuple[Balance, ...] = ("none", "class-weights")


@dataclass(frozen=True, slots=True)
class Search:
    """The search space and the measure.

    Attributes:
        base: settings that are not searched.
        backbones: one or more handles for ``open_backbone``.
        optimizers: one or more.
        variations: names from ``AUGMENTATIONS``.
        measure: mean negative log-likelihood; share of correct labels; AUC of bad parts;
            share of bad parts with a bad label; or share of good parts not accepted at
            ``base.target_recall``.
        folds: number of folds; a trial is scored by the mean over them.
        seed: seed of the search.
    """

    base: TrainSettings = field(default_factory=TrainSettings)
    backbones: tuple[str, ...] = (DEFAULT_BACKBONE,)
    optimizers: tuple[OptimizerName, ...] = ("lbfgs",)
    variations: tuple[str, ...] = ("none",)
    measure: Measure = "loss"
    folds: int = 5
    seed: int = 0

    @property
    def lower_is_better(self) -> bool:
        """Whether a lower value of the measure is better: for loss and false-rejects."""
        return self.measure in ("loss", "false-rejects")

    @property
    def names_good_and_bad(self) -> bool:
        """Whether the measure needs labels of good and of bad parts."""
        return self.measure in ("auc", "recall", "false-rejects")


def choose(trial: Any, search: Search) -> TrainSettings:
    """Ask a trial for settings. Settings with a single choice are not asked for."""

    def one_of(name: str, choices: tuple[Any, ...]) -> Any:
        return choices[0] if len(choices) == 1 else trial.suggest_categorical(name, choices)

    optimizer = one_of("optimizer", search.optimizers)
    head = {
        "optimizer": optimizer,
        "l2": _rounded(trial.suggest_float("l2", *_L2, log=True)),
        "balance": trial.suggest_categorical("balance", _BALANCES),
        "label_smoothing": _rounded(trial.suggest_float("label_smoothing", 0, _MOST_SMOOTHING)),
    }
    if optimizer != "lbfgs":
        head["learning_rate"] = _rounded(
            trial.suggest_float("learning_rate", *_LEARNING_RATE, log=True)
        )
    return dataclasses.replace(
        search.base,
        # Trials are stored in a file, so the names have no secrets of an address.
        backbone=(names := _public_names(search))[one_of("backbone", tuple(names))],
        augment=AUGMENTATIONS[one_of("variation", search.variations)],
        head=dataclasses.replace(search.base.head, **head),
    )


def first_choice(search: Search) -> dict[str, Any]:
    """The defaults as parameters of the first trial, the baseline of the search."""
    return {
        "optimizer": search.optimizers[0],
        "l2": search.base.head.l2,
        "balance": search.base.head.balance,
        "label_smoothing": search.base.head.label_smoothing,
        "learning_rate": search.base.head.learning_rate,
        "backbone": next(iter(_public_names(search))),
        "variation": search.variations[0],
    }


def _public_names(search: Search) -> dict[str, str]:
    """The backbones by handle without secrets, with a number if two would have the same name."""
    names: dict[str, str] = {}
    for handle in search.backbones:
        name = redact_address(handle)
        names[name if name not in names else f"{name} ({len(names) + 1})"] = handle
    return names


def train_command(image_dir: Path, run_dir: Path, settings: TrainSettings) -> list[str]:
    """The command line that trains with these settings; defaults are left out."""
    words = ["partsight", "train", str(image_dir), "-o", str(run_dir)]
    default = TrainSettings()
    sections: tuple[tuple[Any, Any], ...] = (
        (settings, default),
        (settings.augment, default.augment),
        (settings.head, default.head),
    )
    for chosen, defaults in sections:
        for each in dataclasses.fields(chosen):
            value = getattr(chosen, each.name)
            if value != getattr(defaults, each.name) and not dataclasses.is_dataclass(value):
                words += _words(each.name, value)
    return words


def _words(name: str, value: Any) -> list[str]:
    if name == "accept_labels":
        return [word for label in value for word in ("--accept-label", label)]
    if name == "backbone":
        value = redact_address(value)
    option = "--" + name.replace("_", "-")
    return [option] if value is True else [option, str(value)]


def _rounded(value: float) -> float:
    """Round to three digits, so that the shown value is the one that was tried."""
    return float(f"{value:.3g}")
