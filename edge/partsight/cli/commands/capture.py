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
from partsight.cli.console import exit_if_failed
from partsight.config.location import find_config
from partsight.utils.printable import shown
from partsight.utils.redaction import redact_text

if TYPE_CHECKING:
    from partsight.image.encode import PictureFormat
    from partsight.records import Fault
    from partsight.sources.frames import Frames

__all__ = ["command"]

# Of the network that is yet to be trained nothing is known: a folder's pictures are decoded as
# for one that sees every pixel.
_EVERY_PIXEL = 2**15


def _plain(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    from partsight.sources.labelled_capture import is_plain_name

    if value is not None and not is_plain_name(value):
        raise click.BadParameter(
            "expected a name that any disk takes for a folder or file: up to 100 characters, none "
            f'of /\\:*?"<>|, no space or dot at an end, and no name that no command reads, such as '
            f"@eaDir. Received: {value!r}"
        )
    return value


@click.command("capture")
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--source",
    required=True,
    help="Camera number, /dev/videoN, rtsp:// or http:// address, video file or folder.",
)
@click.option(
    "--label", required=True, callback=_plain, help="What the parts are, such as defected."
)
@click.option(
    "--part", callback=_plain, help="What all shots are of: training keeps them together."
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0),
    default=0,
    metavar="SECONDS",
    help="Time between two pictures; every frame if left out.",
)
@click.option("--max", "most", type=click.IntRange(1), help="Stop after so many pictures.")
@click.option("--wait-for-key", is_flag=True, help="Take a picture each time Enter is pressed.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "jpg"]),
    default="png",
    show_default=True,
    help="png loses nothing.",
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
    kind: PictureFormat,
    as_json: bool,
) -> None:
    """Collect labelled pictures with the very camera that will judge.

    They go to DEST/LABEL/, as 'partsight train DEST' reads them, and replace nothing there.
    Ctrl-C ends it. A frame that cannot be used is named, and the exit code is 3.

    \b
    Example:
      partsight capture --source 0 --label healthy --every 2 --max 100 parts/
      partsight capture --source 0 --label defected --part SN-17 --wait-for-key parts/
    """  # fmt: skip
    from partsight.sources.labelled_capture import Place, capture, every, on_each

    if wait_for_key and every_s:
        raise click.UsageError("--wait-for-key and --every exclude each other.")
    place = Place(destination / label, kind, part)
    moments = on_each(_prompted(sys.stdin)) if wait_for_key else every(every_s)
    with _opened(source) as frames:
        pictures, faults = _collected(capture(frames, moments, place, most), tell=wait_for_key)
    if as_json:
        failed = [{"source": each.source, "reason": redact_text(each.reason)} for each in faults]
        told = {"label": label, "pictures": [str(path) for path in pictures], "failed": failed}
        click.echo(json.dumps(told))
    else:
        click.echo(f"wrote {len(pictures)} pictures to {place.folder}")
    exit_if_failed(len(faults), len(pictures) + len(faults))


def _collected(events: Iterable[Path | Fault], *, tell: bool) -> tuple[list[Path], list[Fault]]:
    """What was written and what was not, to the end or to Ctrl-C; faults are named at once."""
    pictures: list[Path] = []
    faults: list[Fault] = []
    try:
        for event in events:
            if isinstance(event, Path):
                pictures.append(event)
                if tell:
                    click.echo(f"partsight: {shown(event)}", err=True)
            else:
                faults.append(event)
                reason = shown(redact_text(event.reason))
                click.echo(f"partsight: {shown(event.source)}: {reason}", err=True)
    except KeyboardInterrupt:
        click.echo(err=True)
    return pictures, faults


def _prompted(lines: Iterable[str]) -> Iterator[str]:
    click.echo("partsight: Enter takes a picture, Ctrl-D ends", err=True)
    yield from lines


@contextmanager
def _opened(address: str) -> Iterator[Frames]:
    """The source as the line opens it, with the configuration's camera settings."""
    from partsight.config.acting import require_acting
    from partsight.config.document import Config
    from partsight.config.file import read_config
    from partsight.config.source_address import classify_address
    from partsight.config.source_credentials import at_address
    from partsight.image.spec import MAX_BIT_DEPTH, PreprocessSpec
    from partsight.sources.labelled_capture import require_first_frame
    from partsight.sources.opening import open_frames
    from partsight.telemetry.telemetry import Telemetry

    found = find_config()
    config = (read_config(found) if found else Config()).source
    config = at_address(config, address)
    require_acting(Config(source=config))
    spec = PreprocessSpec(_EVERY_PIXEL, _EVERY_PIXEL, bit_depth=MAX_BIT_DEPTH)
    with open_frames(config, spec, Telemetry()) as frames:
        if classify_address(address).is_live:
            require_first_frame(frames, address, config.open_timeout_s)
        yield frames
