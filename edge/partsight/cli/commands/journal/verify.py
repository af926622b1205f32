"""``partsight journal verify``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.journal.options import journal_argument, journal_path
from partsight.cli.console import ProgressBar
from partsight.utils.counts import counted

if TYPE_CHECKING:
    from partsight.deploy.device import Device

__all__ = ["command"]


@click.command("verify")
@journal_argument
@click.option(
    "--expect",
    metavar="SEQ:HASH",
    help="Head that an earlier check printed; the check fails if the journal lacks it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(journal: Path | None, device: Device, expect: str | None, as_json: bool) -> None:
    """Check that no row was changed, removed or inserted.

    Exit code 1 names the first such row. Keep the printed head in another place and give it to
    the next check with --expect: otherwise rows removed from the end may not be noticed.

    \b
    Example:
      partsight journal verify journal.db
    """
    from partsight.journal import verify as verify_journal

    found = verify_journal(journal_path(journal, device), _head(expect), ProgressBar("verify"))
    head = f"{found.head[0]}:{found.head[1]}"
    if as_json:
        click.echo(json.dumps({"rows": found.rows, "pruned": found.pruned, "head": head}))
        return
    for name, number in found.rows.items():
        pruned = (
            f", {counted(found.pruned[name], 'earlier row')} pruned" if found.pruned[name] else ""
        )
        click.echo(f"{name}: {counted(number, 'row')} unchanged{pruned}")
    click.echo(f"head {head}")


def _head(expected: str | None) -> tuple[int, str] | None:
    if expected is None:
        return None
    parts = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", expected.lower())
    if parts is None:
        raise click.BadParameter(
            f"must be SEQ:HASH as verify prints it. Received: {expected}", param_hint="--expect"
        )
    return int(parts[1]), parts[2]
