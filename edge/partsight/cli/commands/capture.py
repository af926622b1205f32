"""``partsight capture``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import config_option
from partsight.cli.console import exit_if_failed, report_failure
from partsight.cli.options import LocalPath
from partsight.utils.counts import counted
from partsight.utils.printable import printable
from partsight.utils.redaction import redact_text

if TYPE_CHECKING:
    from partsight.deploy.device import Device
    from partsight.image.encode import ImageFormat
    from partsight.records import Fault
    from partsight.sources.frames import Frames

__all__ = ["command"]

# The size of the network's input is not known before training: images of a folder are decoded
# with all pixels.
_EVERY_PIXEL = 2**15


def _plain(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    from partsight.sources.labelled_capture import is_plain_name

    if value is not None and not is_plain_name(value):
        raise click.BadParameter(
            "expected a name for a file or folder on any disk: up to 100 characters, none of "
            f'/\\:*?"<>|, no space or dot at an end, and no name that commands skip, such as '
            f"@eaDir. Received: {value!r}"
        )
    return value


@click.command("capture")
@click.argument("destination", metavar="DEST", type=LocalPath(path_type=Path, file_okay=False))
@click.option(
    "--source",
    required=True,
    help="Camera number, /dev/videoN, rtsp:// or http:// address, video file or folder.",
)
@click.option(
    "--label", required=True, callback=_plain, help="Label of the parts, such as defected."
)
@click.option(
    "--part", callback=_plain, help="Id of the part in all images; training keeps them together."
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0),
    default=0,
    metavar="SECONDS",
    help="Time between two images; default: every frame.",
)
@click.option("--max", "most", type=click.IntRange(1), metavar="N", help="Stop after N images.")
@click.option("--wait-for-key", is_flag=True, help="Take an image each time Enter is pressed.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "jpg"]),
    default="png",
    show_default=True,
    help="File format; png is lossless.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
def command(
    destination: Path,
    source: str,
    label: str,
    part: str | None,
    every_s: float,
    most: int | None,
    wait_for_key: bool,
    kind: ImageFormat,
    as_json: bool,
    device: Device,
) -> None:
    """Collect labelled images with the camera of the line.

    Images are added to DEST/LABEL/, for 'partsight train DEST'; existing files are not replaced.
    Ctrl-C ends the command. Unusable frames are named, and the exit code is 3.

    \b
    Example:
      partsight capture --source 0 --label healthy --every 2 --max 100 parts/
      partsight capture --source 0 --label defected --part SN-17 --wait-for-key parts/
    """  # fmt: skip
    from partsight.sources.labelled_capture import CaptureTarget, capture, every, on_each

    if wait_for_key and every_s:
        raise click.UsageError("--wait-for-key and --every exclude each other.")
    target = CaptureTarget(destination / label, kind, part)
    moments = on_each(_prompt(sys.stdin)) if wait_for_key else every(every_s)
    with _open_frames(device, source) as frames:
        events = capture(frames, moments, target, most)
        pictures, faults = _collect(events, show_paths=wait_for_key)
    if as_json:
        failed = [{"source": each.source, "reason": redact_text(each.reason)} for each in faults]
        paths = [str(path) for path in pictures]
        click.echo(json.dumps({"label": label, "pictures": paths, "failed": failed}))
    else:
        click.echo(f"wrote {counted(len(pictures), 'image')} to {target.folder}")
    exit_if_failed(len(faults), len(pictures) + len(faults))


def _collect(events: Iterable[Path | Fault], *, show_paths: bool) -> tuple[list[Path], list[Fault]]:
    """The written images and the faults, up to the end or Ctrl-C; faults are named at once."""
    pictures: list[Path] = []
    faults: list[Fault] = []
    try:
        for event in events:
            if isinstance(event, Path):
                pictures.append(event)
                if show_paths:
                    click.echo(f"partsight: {printable(event)}", err=True)
            else:
                faults.append(event)
                report_failure(event.source, redact_text(event.reason))
    except KeyboardInterrupt:
        click.echo(err=True)
    return pictures, faults


def _prompt(lines: Iterable[str]) -> Iterator[str]:
    click.echo("partsight: Enter takes an image, Ctrl-D ends", err=True)
    yield from lines


@contextmanager
def _open_frames(device: Device, address: str) -> Iterator[Frames]:
    """Open the source as the line does, with the camera settings of the configuration."""
    from partsight.config.acting import require_acting
    from partsight.config.document import Config
    from partsight.config.source_address import classify_address
    from partsight.config.source_credentials import at_address
    from partsight.image.spec import MAX_BIT_DEPTH, PreprocessSpec
    from partsight.sources.labelled_capture import require_first_frame
    from partsight.sources.opening import open_frames
    from partsight.telemetry.telemetry import Telemetry

    config = at_address(device.config.source, address)
    require_acting(Config(source=config))
    spec = PreprocessSpec(_EVERY_PIXEL, _EVERY_PIXEL, bit_depth=MAX_BIT_DEPTH)
    with open_frames(config, spec, Telemetry()) as frames:
        if classify_address(address).is_live:
            require_first_frame(frames, address, config.open_timeout_s)
        yield frames
