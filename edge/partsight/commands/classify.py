"""``partsight classify``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.console import ProgressBar, exit_if_failed
from partsight.model_options import (
    config_option,
    facts_options,
    load_classifier,
    threads_option,
)

if TYPE_CHECKING:
    from partsight.classify import Classifier
    from partsight.foreign import GivenFacts
    from partsight.records import PictureResult

__all__ = ["command"]


@click.command("classify")
@click.argument("model")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="OUT.jsonl, OUT.csv or OUT.parquet; JSON lines on stdout when left out.",
)
@click.option(
    "--heatmaps",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder that gets each rejected or reviewed picture, coloured where it looks bad.",
)
@config_option
@threads_option
@facts_options
def command(
    model: str,
    paths: tuple[Path, ...],
    output: Path | None,
    heatmaps: Path | None,
    threads: int,
    given: GivenFacts | None,
) -> None:
    """Classify pictures: files, and folders with all below them.

    A row a picture: path, label, score, scores, tile (row and column of the worst, where
    the model has tiles), verdict, model (SHA-256) and error. A picture that cannot be read
    is a row with its reason and no verdict, and the exit code is 3.

    \b
    Example:
      partsight classify model-int8.tflite captured/ -o results.csv
      partsight classify model-int8-heatmap.tflite captured/ --heatmaps looked-at/
    """
    from partsight.batch import classify_files
    from partsight.heatmap import require_heatmap
    from partsight.pictures import find_pictures
    from partsight.sinks import JsonLinesSink, file_sink, sink_endings

    if output and output.suffix.lower() not in sink_endings():
        raise click.BadParameter(f"{output} must end in {' or '.join(sink_endings())}")
    sink_context = (
        file_sink(output) if output else contextlib.nullcontext(JsonLinesSink(sys.stdout))
    )
    failed = 0
    with sink_context as sink:
        classifier = load_classifier(model, threads, given)
        if heatmaps:
            require_heatmap(classifier.contract)
        pictures = find_pictures(paths)
        results = classify_files(classifier, pictures)
        for result in ProgressBar("classify")(results, len(pictures)):
            sink.write(result.row())
            error = result.error or _overlaid(heatmaps, result, classifier)
            if error:
                failed += 1
                click.echo(f"partsight: {result.path}: {error}", err=True)
    exit_if_failed(failed, len(pictures))


def _overlaid(folder: Path | None, result: PictureResult, classifier: Classifier) -> str | None:
    """Write the picture with its map, where that is asked for; say why it cannot be."""
    from partsight.errors import ImageError
    from partsight.heatmap import write_overlay

    if folder is None:
        return None
    try:
        write_overlay(folder, result, classifier.contract.preprocess)
    except ImageError as error:
        return str(error)
    return None
