"""``partsight train``."""

from __future__ import annotations

from pathlib import Path

import click

from partsight.console import ProgressBar, exit_if_failed
from partsight_train.extra import require_train_extra

__all__ = ["command"]

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command("train")
@click.argument("image_dir", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--run-dir",
    required=True,
    type=click.Path(path_type=Path),
    help="A new folder; gets model-int8.tflite, saved_model/, metrics.json, report.html, logs/.",
)
@click.option(
    "--backbone",
    default="efficientnet-lite0",
    show_default=True,
    help="An embedded backbone's name, or a TF Hub image feature vector: folder, .tar.gz, URL.",
)
@click.option(
    "--image-size", type=click.IntRange(1), help="Pixels a side, where the module does not tell."
)
@click.option("--validation-share", type=_SHARE, default=0.1, show_default=True)
@click.option("--test-share", type=_SHARE, default=0.1, show_default=True)
@click.option(
    "--accept-label",
    "accept_labels",
    multiple=True,
    help="A label of good parts; may be repeated. Default: healthy, good, ok, pass and the like.",
)
@click.option(
    "--target-recall",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.99,
    show_default=True,
    help="Share of bad parts that must not be accepted; sets the operating point.",
)
@click.option("--epochs", type=click.IntRange(1), default=300, show_default=True)
@click.option(
    "--patience",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Stop after so many epochs without a lower validation loss.",
)
@click.option("--batch-size", type=click.IntRange(1), default=100, show_default=True)
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True
)
@click.option("--l2", type=click.FloatRange(0), default=3e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--calibration",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="At most so many training pictures set the ranges of int8.",
)
def command(
    image_dir: Path,
    run_dir: Path,
    backbone: str,
    image_size: int | None,
    validation_share: float,
    test_share: float,
    accept_labels: tuple[str, ...],
    target_recall: float,
    epochs: int,
    patience: int,
    batch_size: int,
    learning_rate: float,
    l2: float,
    seed: int,
    calibration: int,
) -> None:
    """Train a classifier on IMAGE_DIR, which has a sub-folder a label.

    A picture's split is chosen by a hash of label and file name, so it stays when
    others are added; shots of one part share what stands before _nohash_ in their
    names, and stay together.

    \b
    Example:
      partsight train parts/ -o runs/first
    """
    require_train_extra()
    if validation_share + test_share >= 1:
        raise click.BadParameter("--validation-share and --test-share leave nothing to train on")
    from partsight_train.settings import HeadSettings, TrainSettings
    from partsight_train.summary import summary_text
    from partsight_train.train import train

    settings = TrainSettings(
        backbone,
        image_size,
        validation_share,
        test_share,
        accept_labels,
        target_recall,
        calibration,
        HeadSettings(epochs, patience, batch_size, learning_rate, l2, seed),
    )
    outcome = train(image_dir, run_dir, settings, ProgressBar("features"))
    click.echo(summary_text(outcome))
    exit_if_failed(len(outcome.failed), outcome.pictures)
