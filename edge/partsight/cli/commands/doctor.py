"""``partsight doctor``."""

from __future__ import annotations

import json

import click

from partsight.deploy.device import environment_runtime
from partsight.deploy.doctor import examine

__all__ = ["command"]


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Check this machine and name missing software.

    Each missing item has the command that installs it. Exit code 1 if one is missing that every
    inspection needs.

    \b
    Example:
      partsight doctor
    """
    findings = examine(environment_runtime())
    if as_json:
        click.echo(json.dumps({finding.name: finding.row() for finding in findings}))
    else:
        for finding in findings:
            mark = "ok  " if finding.ok else "FAIL" if finding.required else "none"
            click.echo(f"{mark} {finding.name}: {finding.detail}")
    if any(finding.required and not finding.ok for finding in findings):
        raise click.exceptions.Exit(1)
