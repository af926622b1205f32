"""``partsight evaluate``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.model_options import (
    config_option,
    effective_operating_point,
    load_for_command,
    overrides_options,
    threads_option,
)
from partsight.cli.console import ProgressBar, exit_if_failed, report_failure, report_left_out
from partsight.utils.printable import printable

if TYPE_CHECKING:
    from partsight.deploy.device import Device
    from partsight.model.third_party import ModelOverrides

__all__ = ["command"]


@click.command("evaluate")
@click.argument("model")
@click.argument("image_dir", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
@threads_option
@overrides_options
def command(
    model: str,
    image_dir: Path,
    as_json: bool,
    device: Device,
    threads: int,
    overrides: ModelOverrides | None,
) -> None:
    """Measure a model file on labelled folders.

    IMAGE_DIR has one sub-folder per label. If it has train/ and test/ (as MVTec AD), the test
    split is measured.

    Verdicts use the thresholds in [decision] of the configuration, or else those of the model.

    \b
    Example:
      partsight evaluate model-int8.tflite parts/
    """
    from partsight.evaluation.evaluate import evaluate, labelled_image_files, score_images
    from partsight.evaluation.report_text import metrics_text
    from partsight.image_files.walk import LeftOut

    classifier = load_for_command(model, device, threads, overrides)
    left_out, notes = LeftOut(), list[str]()
    labels = classifier.contract.labels
    pictures = labelled_image_files(image_dir, labels, left_out, notes.append)
    for note in notes:
        click.echo(f"partsight: {printable(note)}", err=True)
    scored = score_images(classifier, ProgressBar("evaluate")(pictures, len(pictures)))
    scored = dataclasses.replace(scored, failed=(*scored.failed, *left_out.unreadable.items()))
    if (depth_note := scored.undeclared_bits.text()) is not None:
        click.echo(f"partsight: {depth_note}", err=True)
    metrics = evaluate(classifier, scored, effective_operating_point(classifier, device))
    metrics |= {"notes": notes, "not_read": dict(left_out.endings)}
    click.echo(json.dumps(metrics) if as_json else metrics_text(metrics))
    for flat in metrics["flat"]:
        click.echo(
            f"partsight: {printable(flat['path'])}: practically no contrast "
            f"({flat['contrast']:.0f} of 255 grey levels), verdict review",
            err=True,
        )
    for path, reason in scored.failed:
        report_failure(path, reason)
    report_left_out(left_out)
    exit_if_failed(len(scored.failed), len(scored.paths) + len(scored.failed))
