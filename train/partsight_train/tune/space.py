"""What is searched, and how a choice is written as settings and as a command line.

Enters: an Optuna trial. Leaves: ``TrainSettings``. No TensorFlow here.
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

__all__ = ["MEASURES", "VARIATIONS", "Measure", "Search", "choose", "first_choice", "train_command"]

Measure = Literal["loss", "accuracy", "auc", "recall", "false-rejects"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

# Each costs as many features as there are pictures a copy, once.
VARIATIONS: Mapping[str, AugmentSettings] = {
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
# Below, where L-BFGS stops counts for more than the penalty does.
_L2 = (1e-4, 1.0)
_LEARNING_RATE = (1e-4, 1e-1)
_MOST_SMOOTHING = 0.1
# As weights, L-BFGS makes no difference between balancing by sampling and by weights.
_BALANCES: tuple[Balance, ...] = ("none", "class-weights")


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, and by what it is judged.

    Attributes:
        base: what is not searched stays as it is here.
        backbones: one or more, as ``open_backbone`` takes them.
        optimizers: one or more.
        variations: names from ``VARIATIONS``.
        measure: mean negative log-likelihood; share of right labels; AUC of bad parts;
            share of bad parts taken for bad; or share of good parts that it costs not to
            accept ``base.target_recall`` of the bad.
        folds: each trial is judged on the mean over so many.
        seed: of what is tried.
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
        """Whether the measure counts what is lost."""
        return self.measure in ("loss", "false-rejects")

    @property
    def names_good_and_bad(self) -> bool:
        """Whether the measure needs to know which labels are of good parts."""
        return self.measure in ("auc", "recall", "false-rejects")


def choose(trial: Any, search: Search) -> TrainSettings:
    """Ask a trial for settings. What there is no choice of, it is not asked."""

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
        # Trials are kept in a file: by names without the secrets of an address.
        backbone=(names := _public_names(search))[one_of("backbone", tuple(names))],
        augment=VARIATIONS[one_of("variation", search.variations)],
        head=dataclasses.replace(search.base.head, **head),
    )


def first_choice(search: Search) -> dict[str, Any]:
    """The defaults as a trial's parameters: tried first, they are what others must beat."""
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
    """The backbones by their handles without secrets, told apart by a number where need be."""
    names: dict[str, str] = {}
    for handle in search.backbones:
        name = redact_address(handle)
        names[name if name not in names else f"{name} ({len(names) + 1})"] = handle
    return names


def train_command(image_dir: Path, run_dir: Path, settings: TrainSettings) -> list[str]:
    """The command line that trains with these settings: what is not a default, in words."""
    words = ["partsight", "train", str(image_dir), "-o", str(run_dir)]
    default = TrainSettings()
    parts: tuple[tuple[Any, Any], ...] = (
        (settings, default),
        (settings.augment, default.augment),
        (settings.head, default.head),
    )
    for chosen, usual in parts:
        for each in dataclasses.fields(chosen):
            value = getattr(chosen, each.name)
            if value != getattr(usual, each.name) and not dataclasses.is_dataclass(value):
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
    """To three digits: what is tried is what is shown and typed."""
    return float(f"{value:.3g}")
