"""``partsight backbones``."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import click

from partsight_train.backbones.catalogue import EMBEDDED, HUB, NAMED
from partsight_train.requirements import require_train_extra

__all__ = ["command"]

_COLUMNS = ("name", "pixels", "features", "parameters", "multiply-adds", "on this machine")
_FACTS = ("image_size", "feature_size", "parameters", "multiply_adds", "licence")


@click.command("backbones")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """List the named backbones and their state on this machine.

    States: 'embedded' is part of the installation, 'cached' is in the cache folder, 'to fetch'
    needs a network at its first use. --backbone also accepts any other TF Hub image feature
    vector: its folder, its .tar.gz or its URL. Join names or paths by + to use several together.

    \b
    Example:
      partsight backbones
    """
    require_train_extra()
    rows = {name: _row(name) for name in NAMED}
    click.echo(json.dumps(rows) if as_json else _table(rows))


def _row(name: str) -> dict[str, Any]:
    """The facts of a backbone and its state, for JSON."""
    from partsight_train.backbones.locate import cached

    row = {fact: getattr(NAMED[name], fact) for fact in _FACTS}
    if name in HUB:
        found = cached(name)
        return {
            **row,
            "handle": HUB[name].handle,
            "state": "cached" if found else "to fetch",
            "path": None if found is None else str(found),
        }
    package = EMBEDDED[name].module
    installed = importlib.util.find_spec(package) is not None
    state = "embedded" if installed else f"pip install {package.replace('_', '-')}"
    return {**row, "handle": None, "state": state, "path": None}


def _table(rows: dict[str, dict[str, Any]]) -> str:
    cells = [_COLUMNS] + [
        (
            name,
            str(row["image_size"]),
            str(row["feature_size"]),
            _millions(row["parameters"]),
            _millions(row["multiply_adds"]),
            str(row["state"]),
        )
        for name, row in rows.items()
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index in (0, len(line) - 1) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _millions(count: int) -> str:
    return f"{count / 1e6:,.1f} M"
