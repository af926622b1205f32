"""``partsight journal export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from partsight.cli.commands.journal.options import (
    filters,
    journal_argument,
    journal_path,
    require_readable,
)
from partsight.cli.console import ProgressBar
from partsight.cli.options import LocalPath
from partsight.utils.counts import counted

if TYPE_CHECKING:
    from partsight.deploy.device import Device
    from partsight.errors import UnreadableRow

__all__ = ["command"]


@click.command("export")
@journal_argument
@filters
@click.option("--limit", type=click.IntRange(1), help="The newest N rows; default all.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=LocalPath(path_type=Path, dir_okay=False),
    help="OUT.jsonl, OUT.csv or OUT.parquet.",
)
def command(journal: Path | None, device: Device, output: Path, **filters: Any) -> None:
    """Write verdicts with all columns to a file.

    JOURNAL defaults to that of the configuration. A running line may be using it.

    \b
    Example:
      partsight journal export journal.db --verdict reject -o rejects.csv
    """
    from partsight.journal import Selection, count, select
    from partsight.journal.schema import VERDICTS
    from partsight.results import file_sink, sink_endings

    if output.suffix.lower() not in sink_endings():
        raise click.BadParameter(f"{output} must end in {' or '.join(sink_endings())}")
    path, selection = journal_path(journal, device), Selection(**filters)
    unreadable: list[UnreadableRow] = []
    with file_sink(output, ["seq", *VERDICTS.row_columns]) as sink:
        written = 0
        rows = select(path, selection, on_unreadable=unreadable.append)
        for row in ProgressBar("export")(rows, count(path, selection)):
            sink.write(row)
            written += 1
    click.echo(f"partsight: {counted(written, 'verdict')} in {output}", err=True)
    require_readable(unreadable)
