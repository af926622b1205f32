"""``partsight train``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from partsight.cli.console import ProgressBar, exit_if_failed
from partsight_train.cli.option_groups import GroupedCommand
from partsight_train.cli.train_options import train_options
from partsight_train.requirements import require_train_extra
from partsight_train.settings import TrainSettings, settings_from_options

__all__ = ["command"]


@click.command("train", cls=GroupedCommand)
@click.argument("image_dir", type=click.Path(path_type=Path))
@train_options
def command(
    image_dir: Path,
    run_dir: Path,
    resume: bool,
    summaries_dir: Path | None,
    cache_dir: Path | None,
    print_misclassified: bool,
    verbosity: str,
    **options: Any,
) -> None:
    """Train a classifier on IMAGE_DIR, which has a sub-folder a label.

    A picture's split is chosen by a hash of label and file name, so it stays when
    others are added. Shots of one part stay together: those that share what stands before
    _nohash_ in their names, and those in one sub-folder where file names recur across
    sub-folders. A set that is divided into train/, val/ and test/ keeps its split.

    \b
    Examples:
      partsight train parts/ -o runs/first
      partsight train parts/ -o runs/classic --preset retrain --backbone mobilenet-v2
    """
    require_train_extra()
    settings = _settings(options)
    for package in ("partsight", "partsight_train"):
        logging.getLogger(package).setLevel(verbosity.upper())
    from partsight_train.cli.summary import mistakes_text, summary_text
    from partsight_train.train import train

    outcome = train(
        image_dir,
        run_dir,
        settings,
        ProgressBar,
        resume=resume,
        summaries_dir=summaries_dir,
        cache=cache_dir,
    )
    click.echo(summary_text(outcome))
    if print_misclassified:
        click.echo(mistakes_text(outcome))
    exit_if_failed(len(outcome.failed), outcome.pictures)


def _settings(options: dict[str, Any]) -> TrainSettings:
    try:
        return settings_from_options(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
