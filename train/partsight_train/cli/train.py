"""``partsight train``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from partsight.cli.console import ProgressBar, exit_if_failed
from partsight_train.cli.effects import refuse_options_without_effect
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
    """Train a classifier on labelled folders of images.

    IMAGE_DIR has one sub-folder per label. The split of an image depends on a hash of its label
    and file name, so it stays the same when images are added. Images of one part stay together:
    those whose names share the text before _nohash_, and those in one sub-folder if file names
    recur across sub-folders. A folder with train/, val/ and test/ keeps its split.

    \b
    Examples:
      partsight train parts/ -o runs/first
      partsight train parts/ -o runs/flips --augment flips --fine-tune top
      partsight train parts/ -o runs/again --config run.toml --seed 7
    """
    require_train_extra()
    settings = _settings(options)
    refuse_options_without_effect(click.get_current_context(), settings)
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
    exit_if_failed(len(outcome.failed), outcome.images)


def _settings(options: dict[str, Any]) -> TrainSettings:
    try:
        return settings_from_options(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
