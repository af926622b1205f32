"""Settings from command-line options and from ``config.json``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from partsight_train.settings.augment import AugmentSettings
from partsight_train.settings.card import CardSettings
from partsight_train.settings.fine_tune import FineTuneSettings
from partsight_train.settings.head import HeadSettings
from partsight_train.settings.train import TrainSettings

__all__ = ["settings_from_document", "settings_from_options"]

_SECTIONS: Mapping[str, type[Any]] = {
    "head": HeadSettings,
    "augment": AugmentSettings,
    "fine_tune": FineTuneSettings,
    "card": CardSettings,
}

_Settings = TypeVar("_Settings")


def settings_from_options(options: Mapping[str, Any]) -> TrainSettings:
    """Settings from options with the names of their fields; other options are ignored.

    Raises:
        ValueError: choices that exclude each other.
    """
    sections = {name: _from_options(kind, options) for name, kind in _SECTIONS.items()}
    return _from_options(TrainSettings, {**options, **sections})


def settings_from_document(document: Mapping[str, Any]) -> TrainSettings:
    """Settings from the ``settings`` of a run's ``config.json``."""
    levels = [document, *(document.get(name, {}) for name in _SECTIONS)]
    options = {name: value for level in levels for name, value in level.items()}
    return settings_from_options(
        {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    )


def _from_options(kind: type[_Settings], options: Mapping[str, Any]) -> _Settings:
    names = {each.name for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in options.items() if name in names})
