"""``partsight model activate``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model.store_options import (
    other_product_option,
    report_replacement,
    require_product,
    store_of,
    store_options,
    user_name,
)

if TYPE_CHECKING:
    from partsight.deploy.device import Device

__all__ = ["command"]


@click.command("activate")
@click.argument("model")
@other_product_option
@store_options
def command(model: str, store: Path | None, device: Device, allow_other_product: bool) -> None:
    """Qualify a model and activate it if it passes.

    MODEL is a file, or the first characters of the SHA-256 of a stored model. Its product must be
    the configured one, or else that of the active model.

    \b
    Example:
      partsight model activate 3f2a
      partsight model activate model-int8.tflite
    """
    from partsight.model.file import load_model_file
    from partsight.model_store.activate import activate_model
    from partsight.model_store.listing import active_contract
    from partsight.model_store.store import find, read_stored
    from partsight.qualification.isolated import examine_isolated
    from partsight.qualification.rules import Rules

    config = device.config
    model_store = store_of(store, config)
    is_file = Path(model).is_file()
    file = load_model_file(model if is_file else read_stored(model_store, find(model_store, model)))
    require_product(model_store, file, config, allow_other_product)
    previous = active_contract(model_store)
    click.echo(f"partsight: examining {file.sha256[:12]}", err=True)
    rules = Rules.of(config).for_model(previous)
    found = examine_isolated(file.data, rules, trust=device.trust, options=device.options)
    detail = {key: value for key, value in dataclasses.asdict(found).items() if value is not None}
    if is_file:
        detail["from"] = str(Path(model).absolute())
    detail["by"] = f"partsight model activate, user {user_name()}"
    detail["product"] = file.contract.product
    before = activate_model(model_store, file, config.models.keep, detail)
    report_replacement(before, previous, file.sha256, file.contract)
    if file.contract.advice is not None:
        click.echo(f"partsight: {file.contract.advice}", err=True)
    click.echo(
        f"{file.sha256[:12]} is active"
        + (f", was {before[:12]}" if before not in (None, file.sha256) else "")
    )
