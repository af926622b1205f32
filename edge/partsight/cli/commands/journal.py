"""``partsight journal``: query, export and verify what the line wrote down."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from partsight.cli.commands.model_options import config_option
from partsight.cli.console import ProgressBar
from partsight.utils.printable import printable
from partsight.utils.wall_clock import utc_now

if TYPE_CHECKING:
    pass

__all__ = ["command"]

# What of a verdict, and of an event, people see in a line.
_SHOWN = ("seq", "captured_at", "part_id", "verdict", "label", "score", "reason", "picture")
_SHOWN_EVENTS = ("seq", "at", "kind", "detail")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.group("journal")
def command() -> None:
    """Ask the journal of a line: what was decided of which part, when, by which model and why.

    \b
    Example:
      partsight journal query journal.db --since 8h --verdict reject
      partsight journal export journal.db --since 2024-05-06 -o monday.parquet
      partsight journal verify journal.db
    """


def _moment(ctx: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """A moment as people write it: 2024-05-06, 2024-05-06T14:30, or 8h, so long ago."""
    if value is None:
        return None
    ago = re.fullmatch(r"(\d{1,6})([mhd])", value)
    try:
        if ago:
            return utc_now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        # Without a zone it is this device's; Python 3.10 does not know the Z of UTC.
        return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", value)).astimezone()
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is no time such as 2024-05-06, 2024-05-06T14:30 or 8h", ctx, parameter
        ) from None


def _journal_argument(function: Callable[..., None]) -> Callable[..., None]:
    argument = click.argument(
        "journal", required=False, type=click.Path(path_type=Path, dir_okay=False)
    )
    return argument(config_option(function))


_FILTERS = (
    click.option(
        "--since",
        callback=_moment,
        metavar="TIME",
        help="Not older: 2024-05-06, 2024-05-06T14:30, or 8h, 30m, 7d ago.",
    ),
    click.option("--until", callback=_moment, metavar="TIME", help="Older than this."),
    click.option("--part", help="Of this part id."),
    click.option("--verdict", type=click.Choice(["accept", "reject", "review"]), help="With it."),
    click.option("--model", help="By this model: its version, or how its SHA-256 begins."),
)


def _filters(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@command.command("query")
@_journal_argument
@_filters
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many."
)
@click.option("--events", is_flag=True, help="What happened to the line instead of verdicts.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a row, with all columns.")
def query(journal: Path | None, events: bool, as_json: bool, **filters: Any) -> None:
    """Print verdicts, oldest first.

    JOURNAL is the configuration's when left out. It may be in use by a line.

    \b
    Example:
      partsight journal query journal.db --part SN-0042 --json
    """
    from partsight.journal import Selection, select
    from partsight.journal.schema import EVENTS, VERDICTS

    if events and any(filters[name] for name in ("part", "verdict", "model")):
        raise click.UsageError("events have times only: --part, --verdict, --model are of verdicts")
    rows = select(_path(journal), Selection(**filters), EVENTS if events else VERDICTS)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    for line in _table(list(rows), _SHOWN_EVENTS if events else _SHOWN):
        click.echo(line)


@command.command("export")
@_journal_argument
@_filters
@click.option("--limit", type=click.IntRange(1), help="The newest so many; all when left out.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="OUT.jsonl, OUT.csv or OUT.parquet.",
)
def export(journal: Path | None, output: Path, **filters: Any) -> None:
    """Write verdicts, all columns, to a file that appears whole.

    JOURNAL is the configuration's when left out. It may be in use by a line.

    \b
    Example:
      partsight journal export journal.db --verdict reject -o rejects.csv
    """
    from partsight.journal import Selection, count, select
    from partsight.results import file_sink, sink_endings

    if output.suffix.lower() not in sink_endings():
        raise click.BadParameter(f"{output} must end in {' or '.join(sink_endings())}")
    path, selection = _path(journal), Selection(**filters)
    with file_sink(output) as sink:
        written = 0
        for row in ProgressBar("export")(select(path, selection), count(path, selection)):
            sink.write(row)
            written += 1
    click.echo(f"partsight: {written} verdicts in {output}", err=True)


@command.command("verify")
@_journal_argument
@click.option("--expect", metavar="SEQ:HASH", help="A head that was noted: it must be in it.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
def verify(journal: Path | None, expect: str | None, as_json: bool) -> None:
    """Check that no row was changed, taken out or put in; exit code 1 names the first.

    Note the head that it prints elsewhere, and give it to the next check: only so a missing end
    is found for certain.

    \b
    Example:
      partsight journal verify journal.db
    """
    from partsight.journal import verify as verify_journal

    noted = None
    if expect is not None:
        parts = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", expect.lower())
        if parts is None:
            raise click.BadParameter(
                f"must be SEQ:HASH as verify prints it. Received: {expect}",
                param_hint="--expect",
            )
        noted = int(parts[1]), parts[2]
    found = verify_journal(_path(journal), noted, ProgressBar("verify"))
    head = f"{found.head[0]}:{found.head[1]}"
    if as_json:
        click.echo(json.dumps({"rows": found.rows, "pruned": found.pruned, "head": head}))
        return
    for name, number in found.rows.items():
        pruned = f", {found.pruned[name]} before them pruned" if found.pruned[name] else ""
        click.echo(f"{name}: {number} rows are as they were written{pruned}")
    click.echo(f"head {head}")


def _path(given: Path | None) -> Path:
    """The journal that is meant."""
    from partsight.config.location import find_config

    found = None if given is not None else find_config()
    if found is not None:
        from partsight.config.file import read_config

        given = read_config(found).journal.path
    if given is None:
        raise click.UsageError("name the journal, or a configuration that has one in [journal]")
    return given


def _table(rows: list[dict[str, Any]], columns: Iterable[str]) -> Iterable[str]:
    """Aligned lines under their headings."""
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
    # Others chose these texts, such as barcodes; none of them steers the terminal.
    return printable(text, "\ufffd")
