"""``partsight model shadow-report``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

__all__ = ["command"]


@click.command("shadow-report")
@click.argument("journal", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(journal: Path, as_json: bool) -> None:
    """Report how often shadow and active model agree.

    \b
    Example:
      partsight model shadow-report line.journal
    """
    from partsight.journal import read_events
    from partsight.line.shadow import SHADOW_EVENT
    from partsight.line.shadow_report import agreements, report_lines

    found = agreements(read_events(journal, kind=SHADOW_EVENT))
    if as_json:
        click.echo(json.dumps({"agreements": [dataclasses.asdict(each) for each in found]}))
        return
    for each in found:
        click.echo("\n".join(report_lines(each)))
    if not found:
        click.echo(f"no inspection by a shadow model in {journal}")
