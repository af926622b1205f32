"""Settings of a training run, its presets, and their conversion from options and documents."""

from partsight_train.settings.augment import AugmentSettings
from partsight_train.settings.card import CardSettings
from partsight_train.settings.convert import settings_from_document, settings_from_options
from partsight_train.settings.fine_tune import (
    DISTRIBUTIONS,
    FINE_TUNED_PARTS,
    Distribution,
    FineTunedPart,
    FineTuneSettings,
)
from partsight_train.settings.head import (
    BALANCES,
    KEEP_BEST,
    OPTIMIZERS,
    SCHEDULES,
    Balance,
    HeadSettings,
    KeepBest,
    OptimizerName,
    Schedule,
)
from partsight_train.settings.presets import PRESETS
from partsight_train.settings.train import DEFAULT_BACKBONE, VIEWS, TrainSettings

__all__ = [
    "BALANCES",
    "DEFAULT_BACKBONE",
    "DISTRIBUTIONS",
    "FINE_TUNED_PARTS",
    "KEEP_BEST",
    "OPTIMIZERS",
    "PRESETS",
    "SCHEDULES",
    "VIEWS",
    "AugmentSettings",
    "Balance",
    "CardSettings",
    "Distribution",
    "FineTuneSettings",
    "FineTunedPart",
    "HeadSettings",
    "KeepBest",
    "OptimizerName",
    "Schedule",
    "TrainSettings",
    "settings_from_document",
    "settings_from_options",
]
