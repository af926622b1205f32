"""``partsight benchmark``."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.console import ProgressBar, exit_if_failed
from partsight.config.location import default_config
from partsight.deploy.device import open_device

if TYPE_CHECKING:
    from partsight.benchmark.measure import Measurement

__all__ = ["command"]

_SIZE = re.compile(r"[1-9]\d{0,4}x[1-9]\d{0,4}")


def _size(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if not _SIZE.fullmatch(value):
        raise click.BadParameter(f"expected width and height, such as 1280x720: {value!r}")
    return value


@click.command("benchmark")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--frames", type=click.IntRange(1), default=200, show_default=True,
              help="Frames per combination of model, runtime, threads and batch.")  # fmt: skip
@click.option("--size", callback=_size, default="1280x720", show_default=True,
              metavar="WIDTHxHEIGHT", help="Size of the frames.")  # fmt: skip
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration of the device, which --save changes; see 'partsight watch'.",
)
@click.option(
    "--save", is_flag=True, help="Write the recommended runtime and threads into the configuration."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")  # fmt: skip
def command(
    models: tuple[Path, ...],
    frames: int,
    size: str,
    config: Path | None,
    save: bool,
    as_json: bool,
) -> None:
    """Measure model files with each installed TFLite runtime.

    Latency is the time from a batch of BGR frames to its scores; 'workers' are classifiers that
    run at the same time. Stop other programs first. Exit code 3 if a model fails in a
    combination; a model that cannot run batches is named, but does not count as failed.

    \b
    Example:
      partsight benchmark model-int8.tflite model-float16.tflite
    """
    from partsight.benchmark.measure import benchmark, recommend
    from partsight.model.file import load_model_file
    from partsight.qualification.trust import require_signer

    where = config or default_config(os.environ)
    device = open_device(config, new=save)
    # A refused file is reported once, not for every combination.
    files = {model: load_model_file(model) for model in models}
    for file in files.values():
        require_signer(file, device.trust)
    trusted = {model: file.data for model, file in files.items()}
    measurements = benchmark(trusted, frames, size, ProgressBar("benchmark"))
    choice = recommend(measurements)
    if as_json:
        rows = [dataclasses.asdict(each) for each in measurements]
        best = None if choice is None else dataclasses.asdict(choice[0].way)
        click.echo(json.dumps({"measurements": rows, "recommended": best}))
    else:
        click.echo(_table(measurements))
        if choice is not None:
            click.echo(f"Recommended: {choice[1]}")
    if save and choice is not None:
        from partsight.config.file import save_choice

        save_choice(where, choice[0].way.runtime, choice[0].way.threads)
        click.echo(f"Saved: {where}", err=as_json)
    single = [each for each in measurements if each.way.batch == 1]
    exit_if_failed(sum(each.error is not None for each in single), len(single))


def _table(measurements: list[Measurement]) -> str:
    width = max(len(each.way.model) for each in measurements) + 2
    ways = "runtime         threads workers batch"
    lines = [f"{'model':<{width}}{ways}  load ms  first    p50    p95    p99  frames/s  MiB"]
    for each in measurements:
        way = each.way
        counts = f"{way.threads:>7} {way.workers:>7} {way.batch:>5}"
        line = f"{way.model:<{width}}{way.runtime:<15} {counts}"
        if each.error is not None:
            lines.append(f"{line}  {each.error}")
            continue
        latencies = (each.first_ms, each.p50_ms, each.p95_ms, each.p99_ms)
        shown = " ".join(f"{value:>6.1f}" for value in latencies)
        memory = "-" if each.peak_mib is None else f"{each.peak_mib:.0f}"
        lines.append(f"{line} {each.load_ms:>8.1f} {shown} {each.frames_per_s:>9.1f} {memory:>4}")
    return "\n".join(lines)
