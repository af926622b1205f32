"""The command group ``partsight journal``."""

from __future__ import annotations

import click

from partsight.cli.commands.journal import confirm_clock, export, query, verify

__all__ = ["command"]


@click.group("journal")
def command() -> None:
    """Query, export and verify the journal of a line.

    The journal has a row for each verdict: time, part, verdict, reason, scores and model.

    \b
    Example:
      partsight journal query journal.db --since 8h --verdict reject
      partsight journal export journal.db --since 2024-05-06 -o monday.parquet
      partsight journal verify journal.db
    """


for _module in (confirm_clock, export, query, verify):
    command.add_command(_module.command)
