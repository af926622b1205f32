"""``partsight classify``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.commands.cluster_options import Cluster, cluster_options
from partsight.cli.commands.model_options import (
    config_option,
    facts_options,
    load_for_command,
    point_in_force,
)
from partsight.cli.console import ProgressBar, exit_if_failed, tell_left_out
from partsight.utils.printable import shown
from partsight.utils.progress import silent

if TYPE_CHECKING:
    from partsight.batch.contact_sheet import ContactSheet
    from partsight.batch.run import Observer, Outcome
    from partsight.batch.spool import Spool
    from partsight.decision.decide import OperatingPoint
    from partsight.inference.classifier import Classifier
    from partsight.model.third_party import ModelOverrides
    from partsight.results.base import Row
    from partsight.utils.progress import Progress

__all__ = ["command"]


def _outcomes(ctx: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    """``--only reject,review``."""
    from partsight.batch.rows import OUTCOMES

    chosen = list(OUTCOMES) if value is None else value.split(",")
    for name in chosen:
        if name not in OUTCOMES:
            raise click.BadParameter(
                f"expected some of {','.join(OUTCOMES)}, received {name!r}", ctx, parameter
            )
    return chosen


@click.command("classify")
@click.argument("model")
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "output_name",
    help="OUT.jsonl, OUT.csv, OUT.parquet or OUT.sqlite; '-', or left out: JSON lines on stdout. "
    "With --engine ray: a new folder of Parquet files, or its URI.",
)
@click.option("--resume", is_flag=True, help="Go on with a run for this output that was stopped.")
@click.option(
    "--only", callback=_outcomes, metavar="LIST", help="Rows with these only: reject,review,error."
)
@click.option("--top-k", type=click.IntRange(1), help="The scores of so many labels only.")
@click.option(
    "--accept-above",
    type=click.FloatRange(0, 1),
    help="Instead of [decision] in the configuration, else the model's own.",
)
@click.option("--reject-below", type=click.FloatRange(0, 1), help="See --accept-above.")
@click.option(
    "--min-contrast",
    type=click.FloatRange(0, 255),
    help="A picture that spreads over fewer grey levels shows no part: review. See "
    "--accept-above; 0 is off.",
)
@click.option("--details", is_flag=True, help="Size, time and SHA-256 of each picture, too.")
@click.option(
    "--every", type=click.IntRange(1), default=1, show_default=True, help="Of a video's frames."
)
@click.option(
    "--heatmaps",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder that gets each rejected or reviewed picture, coloured where it looks bad.",
)
@click.option(
    "--sort-into",
    type=click.Path(path_type=Path, file_okay=False),
    help="A new folder that gets links to the pictures, by verdict and label.",
)
@click.option("--copy", is_flag=True, help="Copies for --sort-into, not links.")
@click.option(
    "--contact-sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="An HTML page of what was not accepted, the worst 500 first.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Pictures judged at once.  [default: one a core]"
)
@cluster_options
@click.option("--quiet", is_flag=True, help="No progress and no summary; failures are named.")
@config_option
@facts_options
def command(
    model: str,
    paths: tuple[str, ...],
    output_name: str | None,
    resume: bool,
    only: list[str],
    top_k: int | None,
    accept_above: float | None,
    reject_below: float | None,
    min_contrast: float | None,
    details: bool,
    every: int,
    heatmaps: Path | None,
    sort_into: Path | None,
    copy: bool,
    contact_sheet: Path | None,
    workers: int | None,
    cluster: Cluster | None,
    quiet: bool,
    overrides: ModelOverrides | None,
) -> None:
    """Classify pictures: files, folders with all below them, patterns, lists, archives, videos.

    A list is a .txt or .csv file of paths, or '-': such a list on stdin. A pattern is quoted, as
    in 'captured/**/*.jpg'. Archives are zip and tar files; of videos each frame is a picture.

    A row a picture: path, label, score, scores, tile (row and column of the worst, where
    the model has tiles), verdict, reason, model (SHA-256) and error. A picture that cannot be
    read is a row with its error and no verdict, and the exit code is 3. A picture with
    practically no contrast, such as a black one, is never accepted.

    A run with -o that was stopped goes on with --resume, and gives the same rows.

    \b
    Example:
      partsight classify model-int8.tflite captured/ -o results.csv
      partsight classify model-int8.tflite shift.zip -o rejects.parquet --only reject,review
      find captured/ -newer last -print0 | partsight classify model-int8.tflite - -o new.jsonl
      partsight classify model-int8.tflite captured/ --sort-into shift/ --contact-sheet shift.html
      partsight classify model-int8-heatmap.tflite captured/ --heatmaps looked-at/
      partsight classify model-int8.tflite s3://line-3/2024/ -o s3://rows/2024/ --engine ray
    """
    if copy and sort_into is None:
        raise click.UsageError("--copy goes with --sort-into")
    if cluster is not None:
        from partsight.cli.commands.classify_on_ray import classify_on_ray

        with _told_how_to_go_on():
            classify_on_ray(cluster, click.get_current_context().params, overrides, _tell)
        return
    from partsight.batch.run import Judging, Run
    from partsight.batch.spool import Spool
    from partsight.image_files.walk import LeftOut
    from partsight.inputs.open import open_inputs

    output = Path(output_name) if output_name and output_name != "-" else None
    if output:
        _require_writable(output)
    if resume and output is None:
        raise click.UsageError("--resume goes with -o: what went to a pipe is not known")
    if resume and output and output.exists() and not _stopped(output):
        click.echo(f"partsight: {output} is whole: there is nothing to resume", err=True)
        return
    classifier = load_for_command(model, 1, overrides)
    point = point_in_force(classifier, accept_above, reject_below, min_contrast)
    sheet = _contact_sheet(contact_sheet, point, classifier)
    observers: list[Observer] = [
        *([_heatmap_writer(heatmaps, classifier)] if heatmaps else []),
        *([_sorter(sort_into, copy, resume)] if sort_into else []),
        *([sheet] if sheet else []),
    ]
    judging = Judging(classifier, point, details, workers)
    left_out = LeftOut()
    run = Run(judging, open_inputs(paths, every, left_out), observers, _tell, left_out)
    progress, total = _progress(paths, quiet)
    if output is None:
        _to_stdout(run.rows(progress, total), only, top_k)
    else:
        asked = {**judging.asked(), "every": every}
        with _told_how_to_go_on(), Spool(output, asked, resume=resume) as spool:
            run.skip(spool)
            for row in run.rows(progress, total):
                spool.write(row)
            _to_file(output, spool, only, top_k)
    if sheet:
        sheet.write()
    if not quiet:
        tell_left_out(left_out)
        click.echo(run.summary.text(), err=True)
    if (note := run.undeclared.text()) is not None:
        click.echo(f"partsight: {note}", err=True)
    exit_if_failed(run.summary.failed + run.unobserved, run.summary.total)


def _to_stdout(rows: Iterator[Row], only: list[str], top_k: int | None) -> None:
    from partsight.batch.rows import outcome, shortened
    from partsight.results import JsonLinesSink

    sink = JsonLinesSink(sys.stdout)
    for row in rows:
        if outcome(row) in only:
            sink.write(shortened(row, top_k))


def _to_file(output: Path, spool: Spool, only: list[str], top_k: int | None) -> None:
    from partsight.batch.rows import outcome, shortened
    from partsight.results import file_sink

    with file_sink(output) as sink:
        for row in spool.rows():
            if outcome(row) in only:
                sink.write(shortened(row, top_k))
    spool.remove()


@contextlib.contextmanager
def _told_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        click.echo("partsight: stopped; the same command with --resume goes on", err=True)
        raise


def _tell(name: str, reason: str) -> None:
    click.echo(f"partsight: {shown(name)}: {shown(reason)}", err=True)


def _progress(paths: tuple[str, ...], quiet: bool) -> tuple[Progress, int | None]:
    from partsight.inputs.count import count_inputs

    if quiet:
        return silent, None
    # Only where somebody looks: a folder of a million pictures is listed twice.
    return ProgressBar("classify"), count_inputs(paths) if sys.stderr.isatty() else None


def _heatmap_writer(folder: Path, classifier: Classifier) -> Observer:
    from partsight.batch.heatmaps import require_heatmap, write_overlay
    from partsight.inputs.base import Picture

    require_heatmap(classifier.contract)

    def write(outcome: Outcome) -> None:
        if outcome.result and isinstance(outcome.taken, Picture):
            spec = classifier.contract.preprocess
            write_overlay(folder, outcome.taken, outcome.result, spec)

    return write


def _sorter(folder: Path, copy: bool, resume: bool) -> Observer:
    from partsight.batch.sort_into import SortInto

    if not resume and folder.is_dir() and any(folder.iterdir()):
        raise click.BadParameter(
            f"--sort-into {folder} holds something already, which would be mixed with this run's. "
            "Choose a new folder, or go on with a stopped run by --resume."
        )
    return SortInto(folder, copy=copy)


def _contact_sheet(
    path: Path | None, point: OperatingPoint, classifier: Classifier
) -> ContactSheet | None:
    if path is None:
        return None
    from partsight.batch.contact_sheet import ContactSheet

    return ContactSheet(path, point, bit_depth=classifier.contract.preprocess.bit_depth)


def _require_writable(output: Path) -> None:
    from partsight.results import require_sink, sink_endings

    if output.is_dir():
        raise click.BadParameter(f"{output} is a directory; a folder goes with --engine ray")
    if output.suffix.lower() not in sink_endings():
        raise click.BadParameter(
            f"{output} must end in {' or '.join(sink_endings())}; a folder goes with --engine ray"
        )
    require_sink(output)


def _stopped(output: Path) -> bool:
    from partsight.batch.spool import spool_path

    return spool_path(output).exists()
