"""``partsight journal query``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from partsight.cli.commands.journal.options import (
    filters,
    journal_argument,
    journal_path,
    require_readable,
)
from partsight.utils.printable import printable

if TYPE_CHECKING:
    from partsight.deploy.device import Device
    from partsight.errors import UnreadableRow

__all__ = ["command"]

# The columns of the table for people.
_SHOWN = ("seq", "inspected_at", "part_id", "verdict", "label", "score", "reason", "picture")
_SHOWN_EVENTS = ("seq", "at", "kind", "detail")


@click.command("query")
@journal_argument
@filters
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest N rows."
)
@click.option("--events", is_flag=True, help="Print events of the line instead of verdicts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row, with all columns.")
def command(
    journal: Path | None, device: Device, events: bool, as_json: bool, **filters: Any
) -> None:
    """Print verdicts, oldest first.

    JOURNAL defaults to that of the configuration. A running line may be using it.

    \b
    Example:
      partsight journal query journal.db --part SN-0042 --json
    """
    from partsight.journal import Selection, select
    from partsight.journal.schema import EVENTS, VERDICTS

    if events and any(filters[name] for name in ("part", "verdict", "model")):
        raise click.UsageError("--part, --verdict and --model select verdicts, not --events")
    unreadable: list[UnreadableRow] = []
    rows = select(
        journal_path(journal, device),
        Selection(**filters),
        EVENTS if events else VERDICTS,
        unreadable.append,
    )
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    else:
        for line in _table(list(rows), _SHOWN_EVENTS if events else _SHOWN):
            click.echo(line)
    require_readable(unreadable)


def _table(rows: list[dict[str, Any]], columns: Iterable[str]) -> Iterable[str]:
    """Aligned lines, with the names of the columns first."""
    lines = [list(columns)]
    lines += [[_shown(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(map(str.ljust, line, widths)).rstrip()


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    text = json.dumps(value) if isinstance(value, Mapping) else str(value)
    # Texts such as barcodes come from outside: control characters must not reach the terminal.
    return printable(text, "\ufffd")
