"""Checks of configured models and the runtime. Models are read but not run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from partsight.config.document import Config
from partsight.deploy.preflight.findings import Finding
from partsight.errors import PartsightError

__all__ = ["check_models", "check_runtime"]


def check_models(config: Config) -> Iterator[Finding]:
    """Check the public key, the shadow model, and the active model of the store."""
    key, shadow = config.model.public_key, config.shadow.model
    # Missing files are found by check_paths.
    if key is not None and os.access(key, os.R_OK):
        yield from _public_key(key)
    if shadow is not None and os.access(shadow, os.R_OK):
        yield from _shadow(config, shadow)
    if config.models.challenge is not None and config.models.challenge.exists():
        yield from _acceptance_set(config.models.challenge)
    if config.models.store is not None:
        yield from _store(config, config.models.store)


def _public_key(path: Path) -> Iterator[Finding]:
    try:
        from partsight.model.key_files import read_public_key

        read_public_key(path)
    except PartsightError as error:
        yield Finding("model.public_key", str(error))


def _shadow(config: Config, path: Path) -> Iterator[Finding]:
    from partsight.model.file import load_model_file
    from partsight.model.product import require_configured_product

    try:
        contract = load_model_file(path).contract
        require_configured_product(contract.product, config.models.product)
    except PartsightError as error:
        yield Finding("shadow.model", str(error))


def _acceptance_set(folder: Path) -> Iterator[Finding]:
    """An acceptance set without images refuses every new model."""
    from partsight.image_files.layout import read_layout
    from partsight.image_files.read import image_files_below, no_image_files
    from partsight.image_files.walk import LeftOut

    left_out = LeftOut()
    try:
        labels = read_layout(folder, left_out).folders
        found = (each for label in labels for each in image_files_below(label.path, left_out))
        if not any(isinstance(each, Path) for each in found):
            raise no_image_files(f"{folder} (one sub-folder per label)", left_out)
    except PartsightError as error:
        yield Finding("models.challenge", str(error))


def _store(config: Config, folder: Path) -> Iterator[Finding]:
    from partsight.decision.operating_point import with_thresholds
    from partsight.model.product import require_configured_product
    from partsight.model_store.listing import active_contract
    from partsight.model_store.store import ModelStore, activated

    if not next(each for each in (folder, *folder.parents) if each.exists()).is_dir():
        return  # reported by its path
    store, decision = ModelStore(folder), config.decision
    try:
        if not activated(store):
            message = (
                f"no model is active in {folder}. Activate one: partsight model activate "
                "MODEL.tflite, or start the line with one"
            )
            yield Finding("models.store", message, "warning")
            return
        contract = active_contract(store)
        if contract is None:
            message = f"the active model of {folder} is damaged. See 'partsight model list'"
            yield Finding("models.store", message)
        else:
            require_configured_product(contract.product, config.models.product)
            with_thresholds(contract.operating_point, decision.accept_above, decision.reject_below)
    except PartsightError as error:
        yield Finding("models.store", str(error))


def check_runtime(name: str | None) -> Iterator[Finding]:
    """Check that a TFLite runtime is installed and loads, and that it is the configured one."""
    from partsight.inference.interpreter import load_runtime
    from partsight.inference.runtimes import LITERT, TFLITE_RUNTIME, runtimes

    installed = [runtime.name for runtime in runtimes()]
    if not installed:
        yield Finding(
            "model.runtime", "no TFLite runtime is installed. Run pip install ai-edge-litert"
        )
    elif name is not None and name not in installed:
        wanted = next(each for each in (LITERT, TFLITE_RUNTIME) if each.name == name)
        message = (
            f"{name} is not installed here. Run pip install {wanted.distribution}, or set "
            f"{' or '.join(installed)}"
        )
        yield Finding("model.runtime", message)
    else:
        try:
            load_runtime(next(each for each in runtimes() if name in (None, each.name)))
        except PartsightError as error:
            yield Finding("model.runtime", str(error))
