"""What is valid in a configuration, but cannot work on this device.

Enters: a configuration that was read, and the environment. Leaves: a line for each doubt. Goes
by the names of keys, so that new sections are covered: ``..._env`` is an environment variable,
``..._file`` and ``..._key`` are files that must be there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from partsight.config.document import Config
from partsight.config.settings import Setting, settings_of
from partsight.errors import PartsightError

__all__ = ["advice"]

_MUST_BE_THERE = ("_file", "_key", "_cert", "certificate", ".challenge", "shadow.model")


def advice(config: Config, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """What will not work here, and what to do about it."""
    for setting in settings_of(config):
        if setting.value is None:
            continue
        if setting.name.endswith("_env"):
            yield from _variable(setting, environ)
        elif isinstance(setting.value, Path):
            yield from _place(setting)
    if config.models.store is not None:
        yield from _store(config.models.store)


def _variable(setting: Setting, environ: Mapping[str, str]) -> Iterator[str]:
    if not environ.get(str(setting.value)):
        yield (
            f"{setting.name}: the environment variable {setting.value} is not set here. Set it "
            "where the line is started"
        )


def _place(setting: Setting) -> Iterator[str]:
    """Of a file to read: whether it can be. Of one to write: whether its folder can be had."""
    place: Path = setting.value
    if setting.name.endswith(_MUST_BE_THERE):
        if not place.exists():
            yield f"{setting.name}: there is no {place}. Put it there, or correct the path"
        elif not os.access(place, os.R_OK):
            yield f"{setting.name}: {place} may not be read by this user. Allow it"
        return
    nearest = next((each for each in (place, *place.parents) if each.exists()), None)
    if nearest is not None and not os.access(nearest, os.W_OK):
        yield f"{setting.name}: {nearest} may not be written to by this user. Allow it"


def _store(folder: Path) -> Iterator[str]:
    from partsight.model_store.store import ModelStore, activated

    try:
        if not activated(ModelStore(folder)):
            yield (
                f"models.store: no model is active in {folder}. Put one in force: "
                "partsight model activate MODEL.tflite"
            )
    except PartsightError as error:
        yield f"models.store: {error}"
