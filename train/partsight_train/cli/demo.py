"""``partsight demo``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from partsight.cli.console import ProgressBar
from partsight.cli.options import LocalPath
from partsight_train.requirements import require_train_extra

__all__ = ["command"]


@click.command("demo")
@click.option(
    "-o",
    "--output",
    type=LocalPath(path_type=Path),
    default=Path("partsight-demo"),
    show_default=True,
    help="New folder for the images, the run and the video.",
)
def command(output: Path) -> None:
    """Train, export and run a line on the embedded sample.

    \b
    Example:
      partsight demo -o demo
    """
    require_train_extra()
    from partsight.sample_data import write_sample_data
    from partsight_train.cli.sample_video import write_sample_video
    from partsight_train.cli.summary import summary_text
    from partsight_train.settings import TrainSettings
    from partsight_train.train import train

    click.echo(f"1. sample images into {output / 'parts'}")
    write_sample_data(output / "parts", progress=ProgressBar("render"))
    click.echo(f"2. training, int8 export and parity into {output / 'run'}\n")
    outcome = train(output / "parts", output / "run", TrainSettings(), ProgressBar)
    click.echo(summary_text(outcome))
    video = output / "line.avi"
    click.echo(f"\n3. a line run on {video}, with parts that are not in the training set\n")
    write_sample_video(video, parts=12, seed=1)
    verdicts = _run_line(outcome.model, video)
    click.echo("\n" + ", ".join(f"{verdict} {count:.0f}" for verdict, count in verdicts.items()))
    click.echo(f"The report is {outcome.report}")


def _run_line(model: Path, video: Path) -> Mapping[str, float]:
    """Inspect each frame of a video, print the verdicts as JSON lines, and count them."""
    from partsight.inference.classifier import Classifier
    from partsight.line.inspector import Inspector
    from partsight.line.loop import watch
    from partsight.line.recorder import Recorder
    from partsight.results import JsonLinesSink
    from partsight.sources import open_source
    from partsight.sources.frames import SequentialFrames
    from partsight.telemetry.telemetry import Telemetry
    from partsight.triggers.frame import FrameTrigger

    classifier = Classifier.open(model)
    telemetry = Telemetry()
    recorder = Recorder(telemetry, sinks=[JsonLinesSink(sys.stdout)])
    with open_source(str(video), classifier.contract.preprocess) as source:
        trigger_events = FrameTrigger().trigger_events(SequentialFrames(source))
        watch(trigger_events, Inspector(classifier), recorder)
    verdicts: Mapping[str, float] = telemetry.status()["verdicts"]
    return verdicts
