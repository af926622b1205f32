"""``partsight model rollback``."""

from __future__ import annotations

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


@click.command("rollback")
@other_product_option
@store_options
def command(store: Path | None, device: Device, allow_other_product: bool) -> None:
    """Activate the model that was active before.

    Its product must be the configured one, or else that of the active model.

    \b
    Example:
      partsight model rollback
    """
    from partsight.inference.runtimes import RuntimeOptions
    from partsight.model.file import load_model_file
    from partsight.model_store.activate import roll_back
    from partsight.model_store.listing import active_contract
    from partsight.qualification.load import load_classifier

    config = device.config
    model_store = store_of(store, config)
    previous, contracts = active_contract(model_store), []

    def check(data: bytes) -> None:
        file = load_model_file(data)
        require_product(model_store, file, config, allow_other_product)
        load_classifier(data, device.trust, RuntimeOptions(device.options.runtime))
        contracts.append(file.contract)

    by = {"by": f"partsight model rollback, user {user_name()}"}
    now, before = roll_back(model_store, check, by)
    report_replacement(before, previous, now, contracts[0])
    click.echo(f"{now[:12]} is active, was {before[:12]}")
