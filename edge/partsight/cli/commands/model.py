"""``partsight model``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import config_option
from partsight.config.location import find_config

if TYPE_CHECKING:
    from partsight.config.document import Config
    from partsight.model.contract import Contract
    from partsight.model.file import ModelFile
    from partsight.model_store.store import ModelStore

__all__ = ["command"]


@click.group("model")
def command() -> None:
    """The models of this device: which are kept, and which one is in force.

    A line that runs takes a change between two frames.

    \b
    Example:
      partsight model list
      partsight model activate model-int8.tflite
      partsight model rollback
    """


def _store_options(function: Callable[..., None]) -> Callable[..., None]:
    option = click.option(
        "--store",
        type=click.Path(path_type=Path, file_okay=False),
        help="The store's folder; default models.store of the configuration.",
    )
    return option(config_option(function))


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_store_options
def list_models(store: Path | None, as_json: bool) -> None:
    """List the models that are kept, the active one (*) and the one before it (-).

    Of each: name, product, version, accuracy and origin. The newest of those that were refused
    follow, with their reasons.

    \b
    Example:
      partsight model list --json
    """
    from partsight.model_store.listing import listed, refusals
    from partsight.model_store.listing_text import document_of, lines_of, wrapped
    from partsight.utils.printable import printable

    config = _config()
    where = _store(store, config)
    rows, refused = listed(where), refusals(where)
    if as_json:
        models = [document_of(row) for row in rows]
        document = {"store": str(where.folder), "models": models, "refused": refused}
        click.echo(json.dumps(document))
        return
    lines = (line for row in rows for line in lines_of(row))
    for line in lines:
        click.echo(line)
    if not rows:
        click.echo(f"no models in {where.folder}")
    for entry in refused:
        told = printable(f"{entry.get('at')}  {entry.get('from')}: {entry.get('reason')}")
        click.echo("\n".join(wrapped("refused ", told, "    ")))


_other_product = click.option(
    "--allow-other-product",
    is_flag=True,
    help="The line makes another product from now on; models.product, if set, still holds.",
)


@command.command("activate")
@click.argument("model")
@_other_product
@_store_options
def activate(model: str, store: Path | None, allow_other_product: bool) -> None:
    """Examine a model, and put it in force if it passes.

    MODEL is a file, or the first characters of the SHA-256 of one that is kept. It must be of the
    configured product, else of the active model's.

    \b
    Example:
      partsight model activate 3f2a
      partsight model activate model-int8.tflite
    """
    from partsight.model.file import load_model_file
    from partsight.model_store.activate import put_in_force
    from partsight.model_store.listing import active_contract
    from partsight.model_store.store import find, read_stored
    from partsight.qualification.isolated import examine_aside
    from partsight.qualification.rules import rules_of

    config = _config()
    where = _store(store, config)
    is_file = Path(model).is_file()
    file = load_model_file(model if is_file else read_stored(where, find(where, model)))
    _require_product(where, file, config, allow_other_product)
    allowed = None if config.models.allow_other_labels else active_contract(where)
    click.echo(f"partsight: examining {file.sha256[:12]}", err=True)
    found = examine_aside(file.data, rules_of(config).like(allowed))
    detail = {key: value for key, value in dataclasses.asdict(found).items() if value is not None}
    whence = {"from": str(Path(model).absolute())} if is_file else {}
    whence["by"] = f"partsight model activate, user {_user()}"
    was, product = active_contract(where), {"product": file.contract.product}
    before = put_in_force(where, file, config.models.keep, {**detail, **whence, **product})
    _say_replaced(before, was, file.sha256, file.contract)
    if file.contract.advice is not None:
        click.echo(f"partsight: {file.contract.advice}", err=True)
    click.echo(
        f"{file.sha256[:12]} is active"
        + (f", was {before[:12]}" if before not in (None, file.sha256) else "")
    )


@command.command("rollback")
@_other_product
@_store_options
def rollback(store: Path | None, allow_other_product: bool) -> None:
    """Put the model in force that was before the active one.

    It must be of the configured product, else of the active model's.

    \b
    Example:
      partsight model rollback
    """
    from partsight.model.file import load_model_file
    from partsight.model_store.activate import roll_back
    from partsight.model_store.listing import active_contract
    from partsight.qualification.load import load_classifier

    config = _config()
    where = _store(store, config)
    was, found = active_contract(where), []

    def check(data: bytes) -> None:
        file = load_model_file(data)
        _require_product(where, file, config, allow_other_product)
        load_classifier(data)
        found.append(file.contract)

    by = {"by": f"partsight model rollback, user {_user()}"}
    now, before = roll_back(where, check, by)
    _say_replaced(before, was, now, found[0])
    click.echo(f"{now[:12]} is active, was {before[:12]}")


@command.command("shadow-report")
@click.argument("journal", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def shadow_report(journal: Path, as_json: bool) -> None:
    """Tell how often the shadow model agrees with the model, from a line's journal.

    \b
    Example:
      partsight model shadow-report line.journal
    """
    from partsight.journal import read_events
    from partsight.line.shadow import SHADOW_EVENT
    from partsight.line.shadow_report import agreements, report_lines

    found = agreements(read_events(journal, kind=SHADOW_EVENT))
    if as_json:
        click.echo(json.dumps({"agreements": [dataclasses.asdict(each) for each in found]}))
        return
    for each in found:
        click.echo("\n".join(report_lines(each)))
    if not found:
        click.echo(f"no shadow model judged anything in {journal}")


def _require_product(
    store: ModelStore, file: ModelFile, config: Config, allow_other_product: bool
) -> None:
    """Refuse another product's model, and say where nothing can be compared.

    Raises:
        ContractError: it is of another product.
    """
    from partsight.model.product import require_configured_product, require_same_product
    from partsight.model_store.products import UNNAMED_NOTE, active_product
    from partsight.model_store.store import activated

    product, configured = file.contract.product, config.models.product
    require_configured_product(product, configured)
    if configured is not None or allow_other_product:
        return
    active = active_product(store)
    require_same_product(product, active, "say so by --allow-other-product")
    if product is None and active is None and activated(store)[:1] not in ([], [file.sha256]):
        click.echo(f"partsight: {UNNAMED_NOTE}", err=True)


def _say_replaced(before: str | None, was: Contract | None, now: str, contract: Contract) -> None:
    from partsight.model_store.products import described

    if before not in (None, now):
        line = f"model {described(before, was)} replaced by {described(now, contract)}"
        click.echo(f"partsight: {line}", err=True)


def _user() -> str:
    """Who typed the command, for the history."""
    import getpass

    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # nobody in the list of users has this number
        return "unknown"


def _config() -> Config:
    from partsight.config.document import Config
    from partsight.config.file import read_config

    found = find_config()
    return Config() if found is None else read_config(found)


def _store(named: Path | None, config: Config) -> ModelStore:
    from partsight.errors import ConfigError
    from partsight.model_store.store import ModelStore

    folder = named or config.models.store
    if folder is None:
        raise ConfigError(
            "no store of models: expected models.store in the configuration, or --store FOLDER. "
            "'partsight config init' writes a configuration."
        )
    return ModelStore(folder)
