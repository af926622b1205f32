"""``partsight install-service``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import click

from partsight.config.location import SYSTEM_CONFIG

__all__ = ["command"]

_UNIT_DIR = Path("/etc/systemd/system")
_NAME = "[A-Za-z0-9_][A-Za-z0-9_-]{0,30}"
_SIZE = "[0-9]+[KMG]?"


def _matching(pattern: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """A callback that checks a text, because the unit contains it unquoted."""

    def check(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(pattern, value):
            raise click.BadParameter(f"expected {pattern}. Received: {value!r}")
        return value

    return check


@click.command("install-service", context_settings={"show_default": True})
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SYSTEM_CONFIG,
    help="Configuration of the device, with the source of frames.",
)
@click.option("--name", callback=_matching(_NAME), default="partsight", help="Name of the unit.")
@click.option(
    "--user",
    callback=_matching(_NAME),
    help="Account that runs the line; default: a temporary account.",
)
@click.option(
    "--memory-max", callback=_matching(_SIZE), default="512M", help="Memory limit of the line."
)
@click.option(
    "--unit-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=_UNIT_DIR,
    help="Folder for the unit.",
)
@click.option("--dry-run", is_flag=True, help="Print the unit and write nothing.")
def command(
    model: Path,
    config: Path,
    name: str,
    user: str | None,
    memory_max: str,
    unit_dir: Path,
    dry_run: bool,
) -> None:
    """Write a systemd unit that runs the line.

    The unit starts `partsight watch MODEL --config FILE` with the machine, with the Python that
    runs this command, and without root. It has access to cameras, the network and its own folders
    only. systemd restarts it when it ends, and when its loop makes no progress.

    \b
    Example:
      partsight install-service /opt/partsight/model-int8.tflite --dry-run
      sudo partsight install-service /opt/partsight/model-int8.tflite
    """
    from partsight.config.file import read_config
    from partsight.deploy import service_checks as checks
    from partsight.deploy.service_unit import Service, service_unit
    from partsight.utils.files import write_atomic

    # Not resolved: the link to Python identifies a virtual environment.
    python = Path(os.path.abspath(sys.executable))
    service = Service(python, model.absolute(), config.absolute(), name, user, memory_max)
    settings = read_config(config) if config.is_file() else None
    if settings is not None:
        service = checks.with_access(service, settings)
    unit = service_unit(service)
    if dry_run:
        click.echo(unit, nl=False)
        return
    checks.require_root(unit_dir)
    checks.require_startable(service)
    if settings is not None:  # else require_startable has refused
        checks.require_product(service, settings)
    path = unit_dir / f"{name}.service"
    write_atomic(path, unit.encode())
    path.chmod(0o644)
    click.echo(
        f"Wrote {path}. Next:\n"
        "  systemctl daemon-reload\n"
        f"  systemctl enable --now {name}\n"
        f"  systemctl status {name}"
    )
