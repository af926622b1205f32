"""What is valid in a configuration, but cannot work on this device.

Enters: a configuration that was read, and the environment. Leaves: a line for each doubt. Goes
by the names of keys, so that new sections are covered: ``..._env`` is an environment variable,
``..._file`` and ``..._key`` are files that must be there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from partsight.config.document import Config
from partsight.config.settings import Setting, settings_of
from partsight.errors import PartsightError

__all__ = ["advice", "doubts", "is_read"]

_MUST_BE_THERE = ("_file", "_key", "_cert", "certificate", ".challenge", "shadow.model")


def advice(config: Config, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """What will not work here, and what to do about it."""
    yield from doubts(settings_of(config), environ)
    if config.models.store is not None:
        yield from _store(config, config.models.store)
    yield from _runtime(config.model.runtime)


def doubts(settings: Iterable[Setting], environ: Mapping[str, str]) -> Iterator[str]:
    """What will not work of keys whose names say what they are."""
    for setting in settings:
        if setting.value is None:
            continue
        if setting.name.endswith("_env"):
            yield from _variable(setting, environ)
        elif isinstance(setting.value, Path):
            yield from _place(setting)


def _variable(setting: Setting, environ: Mapping[str, str]) -> Iterator[str]:
    if not environ.get(str(setting.value)):
        yield (
            f"{setting.name}: the environment variable {setting.value} is not set here. Set it "
            "where the line is started"
        )


def _place(setting: Setting) -> Iterator[str]:
    """Of a file to read: whether it can be. Of one to write: whether its folder can be had."""
    place: Path = setting.value
    if is_read(setting):
        if not place.exists():
            yield f"{setting.name}: there is no {place}. Put it there, or correct the path"
        elif not os.access(place, os.R_OK):
            yield f"{setting.name}: {place} may not be read by this user. Allow it"
        return
    nearest = next((each for each in (place, *place.parents) if each.exists()), None)
    if nearest is not None and not os.access(nearest, os.W_OK):
        yield f"{setting.name}: {nearest} may not be written to by this user. Allow it"


def is_read(setting: Setting) -> bool:
    """Whether a path is that of something to read, and not to write."""
    return setting.name.endswith(_MUST_BE_THERE)


def _store(config: Config, folder: Path) -> Iterator[str]:
    from partsight.decide import with_thresholds
    from partsight.model.product import require_configured_product
    from partsight.model_store.listing import active_contract
    from partsight.model_store.store import ModelStore, activated

    store, decision = ModelStore(folder), config.decision
    try:
        if not activated(store):
            yield (
                f"models.store: no model is active in {folder}. Put one in force: "
                "partsight model activate MODEL.tflite"
            )
            return
        contract = active_contract(store)
        if contract is None:
            yield f"models.store: the active model of {folder} is damaged: partsight model list"
        else:
            require_configured_product(contract.product, config.models.product)
            with_thresholds(contract.operating_point, decision.accept_above, decision.reject_below)
    except PartsightError as error:
        yield f"models.store: {error}"


def _runtime(name: str | None) -> Iterator[str]:
    from partsight.runtime.runtimes import runtimes

    installed = [runtime.name for runtime in runtimes()]
    if name is not None and name not in installed:
        yield (
            f"model.runtime: {name} is not installed here. Install it, or take "
            f"{' or '.join(installed) or 'another machine'}"
        )
