"""Shared by the commands of the model store: options, configuration and product check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import config_option

if TYPE_CHECKING:
    from partsight.config.document import Config
    from partsight.model.contract import Contract
    from partsight.model.file import ModelFile
    from partsight.model_store.store import ModelStore

__all__ = [
    "other_product_option",
    "report_replacement",
    "require_product",
    "store_of",
    "store_options",
    "user_name",
]

other_product_option = click.option(
    "--allow-other-product",
    is_flag=True,
    help="Accept a model of another product than the active one; models.product still applies.",
)


def store_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add ``--store`` and ``--config``."""
    option = click.option(
        "--store",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the store; default models.store of the configuration.",
    )
    return option(config_option(function))


def store_of(folder: Path | None, config: Config) -> ModelStore:
    """The store in a folder, or else that of the configuration.

    Raises:
        ConfigError: neither names one.
    """
    from partsight.errors import ConfigError
    from partsight.model_store.store import ModelStore

    chosen = folder or config.models.store
    if chosen is None:
        raise ConfigError(
            "no store of models: expected models.store in the configuration, or --store FOLDER. "
            "'partsight config init' writes a configuration."
        )
    return ModelStore(chosen)


def require_product(
    store: ModelStore, file: ModelFile, config: Config, allow_other_product: bool
) -> None:
    """Refuse a model of another product; warn if no product is named at all.

    Raises:
        ContractError: the model is of another product.
    """
    from partsight.model.product import require_configured_product, require_same_product
    from partsight.model_store.products import UNNAMED_NOTE, active_product
    from partsight.model_store.store import activated

    product, configured = file.contract.product, config.models.product
    require_configured_product(product, configured)
    if configured is not None or allow_other_product:
        return
    active = active_product(store)
    require_same_product(product, active, "confirm it by --allow-other-product")
    if product is None and active is None and activated(store)[:1] not in ([], [file.sha256]):
        click.echo(f"partsight: {UNNAMED_NOTE}", err=True)


def report_replacement(
    before: str | None, previous: Contract | None, now: str, contract: Contract
) -> None:
    """Name the replaced and the new model on stderr, if they differ.

    Args:
        before: SHA-256 of the model that was active, or None.
        previous: its contract.
        now: SHA-256 of the active model.
        contract: its contract.
    """
    from partsight.model_store.products import described

    if before not in (None, now):
        line = f"model {described(before, previous)} replaced by {described(now, contract)}"
        click.echo(f"partsight: {line}", err=True)


def user_name() -> str:
    """The name of the user who runs the command, for the history of the store."""
    import getpass

    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # the user number has no name
        return "unknown"
