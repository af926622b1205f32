"""``partsight classify``."""

from __future__ import annotations

from typing import Any

import click

from partsight.cli.commands.classify_options import ClassifyOptions, classify_options

__all__ = ["command"]


@click.command("classify")
@classify_options
def command(**values: Any) -> None:
    """Classify image files, folders, archives and videos.

    PATHS are files, folders with all their sub-folders, quoted patterns such as
    'captured/**/*.jpg', zip and tar archives, videos (each frame is an image), and lists: .txt or
    .csv files of paths, or '-' for a list on stdin.

    Writes one row per image: path, label, score, scores, tile (row and column of the worst, if
    the model has tiles), verdict, reason, model (SHA-256) and error. For an image that cannot be
    read the row has an error and no verdict, and the exit code is 3. An image with practically no
    contrast, such as a black one, is never accepted.

    --resume continues an interrupted run with -o, and gives the same rows.

    \b
    Example:
      partsight classify model-int8.tflite captured/ -o results.csv
      partsight classify model-int8.tflite shift.zip -o rejects.parquet --only reject,review
      find captured/ -newer last -print0 | partsight classify model-int8.tflite - -o new.jsonl
      partsight classify model-int8.tflite captured/ --sort-into shift/ --contact-sheet shift.html
      partsight classify model-int8-heatmap.tflite captured/ --heatmaps overlays/
      partsight classify model-int8.tflite s3://line-3/2024/ -o s3://rows/2024/ --engine ray
    """
    options = ClassifyOptions(**values)
    if options.copy and options.sort_into is None:
        raise click.UsageError("--copy needs --sort-into")
    if options.cluster is None:
        from partsight.cli.commands.classify_locally import classify_locally

        classify_locally(options)
    else:
        from partsight.cli.commands.classify_on_ray import classify_on_ray

        classify_on_ray(options, options.cluster)
