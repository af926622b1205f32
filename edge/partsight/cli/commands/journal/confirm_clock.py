"""``partsight journal confirm-clock``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.journal.options import journal_argument, journal_path
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    from partsight.deploy.device import Device

__all__ = ["command"]


@click.command("confirm-clock")
@journal_argument
def command(journal: Path | None, device: Device) -> None:
    """Confirm that the clock of this device is right.

    Deletion by age is suspended after the clock jumped by more than a day, until NTP sets the
    clock or this command confirms it. Check the clock with 'date' first. A running line reads the
    confirmation within a minute. A line that keeps images but no journal needs --config instead of
    JOURNAL.

    \b
    Example:
      partsight journal confirm-clock journal.db
    """
    from partsight.utils.elapsed import confirm_clock, record_path

    config = device.config
    if journal is None and config.journal.path is None and config.pictures.folder is not None:
        record = record_path(None, config.pictures.folder)
    else:
        path = journal_path(journal, device)
        if not path.is_file():
            raise click.BadParameter(f"there is no journal {path}", param_hint="JOURNAL")
        record = record_path(path, None)
    assert record is not None
    confirm_clock(record)
    click.echo(f"confirmed {utc_now():%Y-%m-%d %H:%M} UTC")
