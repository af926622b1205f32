"""``partsight model list``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model.store_options import store_of, store_options

if TYPE_CHECKING:
    from partsight.deploy.device import Device

__all__ = ["command"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@store_options
def command(store: Path | None, device: Device, as_json: bool) -> None:
    """List the stored models and the models that were refused.

    The active model is marked *, the one before it -. Each has its name, product, version,
    accuracy and origin. The newest refused models follow, with reasons.

    \b
    Example:
      partsight model list --json
    """
    from partsight.model_store.listing import listed, refusals
    from partsight.model_store.listing_text import document_of, lines_of, wrapped
    from partsight.utils.printable import printable

    model_store = store_of(store, device.config)
    rows, refused = listed(model_store), refusals(model_store)
    if as_json:
        models = [document_of(row) for row in rows]
        document = {"store": str(model_store.folder), "models": models, "refused": refused}
        click.echo(json.dumps(document))
        return
    for row in rows:
        for line in lines_of(row):
            click.echo(line)
    if not rows:
        click.echo(f"no models in {model_store.folder}")
    for entry in refused:
        text = printable(f"{entry.get('at')}  {entry.get('from')}: {entry.get('reason')}")
        click.echo("\n".join(wrapped("refused ", text, "    ")))
