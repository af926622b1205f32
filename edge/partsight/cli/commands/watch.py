"""``partsight watch``."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import (
    config_option,
    load_for_command,
    overrides_options,
    threads_option,
)
from partsight.cli.console import exit_if_failed
from partsight.utils.counts import counted

if TYPE_CHECKING:
    from partsight.config.document import Config
    from partsight.deploy.device import Device
    from partsight.model.third_party import ModelOverrides
    from partsight.telemetry.telemetry import Telemetry

__all__ = ["command"]


@click.command("watch")
@click.argument("model", required=False)
@click.option(
    "--source",
    help="Camera number, /dev/videoN, rtsp:// or http:// address, video file or folder; default: "
    "the source of the configuration.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Database for all verdicts; default: the journal of the configuration, or none.",
)
@click.option("--max-frames", type=click.IntRange(1), metavar="N", help="Stop after N verdicts.")
@config_option
@threads_option
@overrides_options
def command(
    model: str | None,
    source: str | None,
    journal: Path | None,
    max_frames: int | None,
    device: Device,
    threads: int,
    overrides: ModelOverrides | None,
) -> None:
    """Run the line: inspect every part that a source shows.

    Each verdict is one JSON line on stdout, or goes to the [[sinks]] of the configuration. If a
    part cannot be inspected, it gets the fail-safe verdict, with the cause in `error`, and the
    exit code is 3. A configured store provides the active model; if the store is empty, MODEL is
    added to it. SIGTERM ends the line after the current part; SIGHUP reloads the configuration.

    \b
    Example:
      partsight watch model-int8.tflite --source 0
      partsight watch --config /etc/partsight/partsight.toml
    """
    from partsight.line.request import LineRequest
    from partsight.line.run import run_line
    from partsight.telemetry.telemetry import Telemetry
    from partsight.utils.files import keep_from_others

    config = _configured(device, source, journal)
    if model is None and config.models.store is None:
        raise click.UsageError("Missing argument 'MODEL', or store in [models].")
    if config.source.address is None:
        raise click.UsageError("Missing option '--source', or address in [source].")
    request = LineRequest(
        config,
        model,
        functools.partial(load_for_command, device=device, threads=threads, overrides=overrides),
        functools.partial(_reread, device, source, journal),
        device.options,
        device.trust,
        max_frames,
    )
    telemetry = Telemetry()
    keep_from_others()  # journal, images, results
    run_line(request, telemetry)
    _report(telemetry)


def _reread(device: Device, source: str | None, journal: Path | None) -> Config:
    """Read the configuration file again, see ``_configured``."""
    if device.path is None:
        return _configured(device, source, journal)
    from partsight.config.file import read_config

    now = dataclasses.replace(device, file_config=read_config(device.path))
    return _configured(now, source, journal)


def _configured(device: Device, source: str | None, journal: Path | None) -> Config:
    """The configuration with the options of the command line in place of its keys.

    Raises:
        ConfigError: a key is set that has no effect for the source.
    """
    from partsight.config.acting import require_acting
    from partsight.config.source_credentials import at_address

    config = device.config
    sections = {
        "source": at_address(config.source, source) if source else config.source,
        "journal": config.journal.model_copy(update={"path": journal} if journal else {}),
    }
    if device.path is None:
        # A run by hand: another line may use the port already.
        sections["health"] = config.health.model_copy(update={"enabled": False})
    return require_acting(config.model_copy(update=sections))


def _report(telemetry: Telemetry) -> None:
    """Print the number of parts per verdict; exit with code 3 if inspections failed."""
    values = telemetry.values().items()
    verdicts = {label: int(count) for (name, label), count in values if name == "verdicts"}
    faults = sum(int(count) for (name, _), count in values if name in ("faults", "unrecorded"))
    text = ", ".join(f"{verdict} {count}" for verdict, count in sorted(verdicts.items()))
    click.echo(f"partsight: {text or 'no frames'}", err=True)
    for (name, sink), rows in sorted(values):
        if name == "queue" and rows:
            click.echo(
                f"partsight: sink {sink}: {counted(round(rows), 'row')} not delivered; still in "
                "the journal, and delivered by the next run of the line",
                err=True,
            )
    unrecorded = int(telemetry.values().get(("unrecorded", ""), 0))
    exit_if_failed(faults, sum(verdicts.values()) + unrecorded)
