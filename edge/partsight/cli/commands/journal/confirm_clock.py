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
    confirmation within a minute.

    \b
    Example:
      partsight journal confirm-clock journal.db
    """
    from partsight.journal.ages import clock_path
    from partsight.utils.elapsed import confirm_clock

    path = journal_path(journal, device)
    if not path.is_file():
        raise click.BadParameter(f"there is no journal {path}", param_hint="JOURNAL")
    confirm_clock(clock_path(path))
    click.echo(f"confirmed {utc_now():%Y-%m-%d %H:%M} UTC")
