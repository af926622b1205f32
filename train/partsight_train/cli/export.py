"""``partsight export``."""

from __future__ import annotations

from pathlib import Path

import click

from partsight.cli.console import ProgressBar
from partsight.cli.options import LocalPath
from partsight_train.cli.option_values import product_name
from partsight_train.conversion.names import VARIANTS, VariantName
from partsight_train.requirements import require_train_extra

__all__ = ["command"]

_SHARE = click.FloatRange(0, 1)


@click.command("export")
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option(
    "--quantize",
    type=click.Choice(VARIANTS),
    help="Variant to write: none is float32; dynamic has int8 weights; int8-float has a float head "
    "and float scores; int16x8 has int16 activations and int8 weights.",
)
@click.option(
    "-o",
    "--output",
    type=LocalPath(path_type=Path, dir_okay=False),
    help="File to write; default RUN_DIR/model-VARIANT.tflite or model-VARIANT-heatmap.tflite.",
)
@click.option("--all", "every", is_flag=True, help="Write every variant that passes.")
@click.option(
    "--heatmap",
    is_flag=True,
    help="Write a file that also outputs a heat map of defects.",
)
@click.option(
    "--product",
    callback=product_name,
    help="Product that the model inspects; default the product of the run.",
)
@click.option(
    "--max-accuracy-loss",
    type=_SHARE,
    default=0.005,
    show_default=True,
    help="Maximum loss of test accuracy against the float model.",
)
@click.option(
    "--max-recall-loss",
    type=_SHARE,
    default=0.01,
    show_default=True,
    help="Maximum loss of the test recall of any label.",
)
@click.option(
    "--min-agreement",
    type=_SHARE,
    default=0.99,
    show_default=True,
    help="Minimum share of test images with the same label as the float model.",
)
def command(
    run_dir: Path,
    quantize: VariantName | None,
    output: Path | None,
    every: bool,
    heatmap: bool,
    product: str | None,
    max_accuracy_loss: float,
    max_recall_loss: float,
    min_agreement: float,
) -> None:
    """Write a finished run's model as a verified .tflite file.

    A file that exceeds the limits on the test split, or that an installed runtime cannot run,
    is not written, and the exit code is 1. int16x8 and float16 are closer to the float model
    than int8.

    \b
    Examples:
      partsight export runs/first --quantize float16 -o model.tflite
      partsight export runs/first --all
      partsight export runs/first --quantize int8 --heatmap
    """
    require_train_extra()
    if every == (quantize is not None) or (every and output is not None):
        raise click.UsageError("give --quantize with one variant, or --all without --output")
    from partsight_train.export.export import export, table
    from partsight_train.export.gate import Limits

    limits = Limits(max_accuracy_loss, max_recall_loss, min_agreement)
    names = VARIANTS if quantize is None else (quantize,)
    progress = ProgressBar("export")
    exported = export(run_dir, names, output, limits, progress, heatmap=heatmap, product=product)
    click.echo(table(exported))
    if any(each.path is None for each in exported):
        raise click.exceptions.Exit(1)
