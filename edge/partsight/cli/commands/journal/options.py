"""Shared by the commands of the journal: the journal's path, and filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import config_option
from partsight.utils.counts import counted
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    from partsight.deploy.device import Device
    from partsight.errors import UnreadableRow

__all__ = ["filters", "journal_argument", "journal_path", "require_readable"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def journal_argument(function: Callable[..., None]) -> Callable[..., None]:
    """Add the argument ``JOURNAL`` and ``--config``."""
    argument = click.argument(
        "journal", required=False, type=click.Path(path_type=Path, dir_okay=False)
    )
    return argument(config_option(function))


def journal_path(given: Path | None, device: Device) -> Path:
    """The given journal, or else that of the configuration.

    Raises:
        click.UsageError: neither names one.
    """
    if given is None and device.file_config is not None:
        given = device.file_config.journal.path
    if given is None:
        raise click.UsageError("name the journal, or a configuration with a path in [journal]")
    return given


def _moment(ctx: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """A time such as 2024-05-06, 2024-05-06T14:30, or 8h for eight hours ago."""
    if value is None:
        return None
    ago = re.fullmatch(r"(\d{1,6})([mhd])", value)
    try:
        if ago:
            return utc_now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        # Without a zone it is local time. Python 3.10 does not parse the Z of UTC.
        return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", value)).astimezone()
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is not a time such as 2024-05-06, 2024-05-06T14:30 or 8h", ctx, parameter
        ) from None


_FILTERS = (
    click.option(
        "--since",
        callback=_moment,
        metavar="TIME",
        help="Inspected from this time on: 2024-05-06, 2024-05-06T14:30, or 8h, 30m, 7d ago.",
    ),
    click.option("--until", callback=_moment, metavar="TIME", help="Inspected before this time."),
    click.option("--part", help="Part id."),
    click.option(
        "--verdict", type=click.Choice(["accept", "reject", "review"]), help="Verdict of the row."
    ),
    click.option("--model", help="Version of the model, or the start of its SHA-256."),
)


def filters(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select verdicts."""
    for option in reversed(_FILTERS):
        function = option(function)
    return function


def require_readable(unreadable: Sequence[UnreadableRow]) -> None:
    """Name the first of the rows that were left out, if there are any.

    Raises:
        JournalError: rows were left out.
    """
    if unreadable:
        from partsight.errors import JournalError

        raise JournalError(
            f"{counted(len(unreadable), 'selected row')} left out. The first: {unreadable[0]}"
        )
