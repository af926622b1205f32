"""``partsight evaluate``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import (
    config_option,
    facts_options,
    load_for_command,
    point_in_force,
    threads_option,
)
from partsight.cli.console import ProgressBar, exit_if_failed, tell_left_out
from partsight.utils.printable import shown

if TYPE_CHECKING:
    from partsight.model.third_party import ModelOverrides

__all__ = ["command"]


@click.command("evaluate")
@click.argument("model")
@click.argument("image_dir", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
@threads_option
@facts_options
def command(
    model: str, image_dir: Path, as_json: bool, threads: int, overrides: ModelOverrides | None
) -> None:
    """Measure a model file on labelled folders.

    IMAGE_DIR has a sub-folder per label. If it is divided into train/ and test/ (MVTec AD, for
    example), the test split is measured.

    Verdicts are by [decision] of the configuration, where there is one, else by the model's own
    thresholds.

    \b
    Example:
      partsight evaluate model-int8.tflite parts/
    """
    from partsight.evaluation.evaluate import evaluate, labelled_pictures, score_pictures
    from partsight.evaluation.report_text import metrics_text
    from partsight.image_files.walk import LeftOut

    classifier = load_for_command(model, threads, overrides)
    left_out, notes = LeftOut(), list[str]()
    labels = classifier.contract.labels
    pictures = labelled_pictures(image_dir, labels, left_out, notes.append)
    for note in notes:
        click.echo(f"partsight: {shown(note)}", err=True)
    scored = score_pictures(classifier, ProgressBar("evaluate")(pictures, len(pictures)))
    scored = dataclasses.replace(scored, failed=(*scored.failed, *left_out.unreadable.items()))
    if (depth_note := scored.undeclared_bits.text()) is not None:
        click.echo(f"partsight: {depth_note}", err=True)
    metrics = evaluate(classifier, scored, point_in_force(classifier))
    metrics |= {"notes": notes, "not_read": dict(left_out.endings)}
    click.echo(json.dumps(metrics) if as_json else metrics_text(metrics))
    for flat in metrics["flat"]:
        click.echo(
            f"partsight: {shown(flat['path'])}: practically no contrast ({flat['contrast']:.0f} of "
            "255 grey levels), verdict review",
            err=True,
        )
    for path, reason in scored.failed:
        click.echo(f"partsight: {shown(path)}: {reason}", err=True)
    tell_left_out(left_out)
    exit_if_failed(len(scored.failed), len(scored.paths) + len(scored.failed))
