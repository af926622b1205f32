"""``partsight watch``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from partsight.console import exit_if_failed
from partsight.model_options import (
    config_option,
    facts_options,
    load_classifier,
    threads_option,
)

if TYPE_CHECKING:
    from partsight.foreign import GivenFacts

__all__ = ["command"]


@click.command("watch")
@click.argument("model")
@click.option(
    "--source",
    required=True,
    help="Camera number, /dev/videoN, rtsp:// or http:// address, video file or folder.",
)
@click.option("--max-frames", type=click.IntRange(1), help="Stop after so many frames.")
@config_option
@threads_option
@facts_options
def command(
    model: str, source: str, max_frames: int | None, threads: int, given: GivenFacts | None
) -> None:
    """Judge every frame of a source: a JSON line a verdict on stdout.

    A frame that cannot be judged is rejected, with its reason in `error`, and the exit
    code is 3.

    \b
    Example:
      partsight watch model-int8.tflite --source 0
    """
    from partsight.line import watch
    from partsight.sinks import JsonLinesSink
    from partsight.sources import open_source

    classifier = load_classifier(model, threads, given)
    with open_source(source, classifier.contract.preprocess) as frames:
        counts = watch(frames, classifier, [JsonLinesSink(sys.stdout)], max_frames=max_frames)
    errors = counts.pop("error", 0)
    summary = ", ".join(f"{verdict} {count}" for verdict, count in sorted(counts.items()))
    click.echo(f"partsight: {summary or 'no frames'}", err=True)
    exit_if_failed(errors, counts.total())
