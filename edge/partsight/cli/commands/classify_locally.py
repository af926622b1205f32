"""``partsight classify`` on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from partsight.batch.contact_sheet import ContactSheet
from partsight.batch.heatmaps import require_heatmap, write_overlay
from partsight.batch.rows import outcome, result_columns, shortened
from partsight.batch.run import BatchSettings, ClassifiedInput, Observer, Run
from partsight.batch.sort_into import SortInto
from partsight.batch.spool import Spool, spool_path
from partsight.cli.commands.classify_options import ClassifyOptions, operating_point
from partsight.cli.commands.model_options import load_for_command
from partsight.cli.console import (
    ProgressBar,
    exit_if_failed,
    report_failure,
    report_left_out,
    resume_hint,
)
from partsight.cli.options import LocalPath
from partsight.image_files.walk import LeftOut
from partsight.inference.classifier import Classifier
from partsight.inputs.base import InputImage
from partsight.inputs.count import count_inputs
from partsight.inputs.open import open_inputs
from partsight.results import JsonLinesSink, file_sink, require_sink, sink_endings
from partsight.utils.progress import Progress, silent
from partsight.utils.standard_streams import standard_output

__all__ = ["classify_locally"]


def classify_locally(options: ClassifyOptions) -> None:
    """Classify all inputs, write their rows, and exit with code 3 if some failed.

    Raises:
        click.UsageError: options that exclude each other, or a wrong output.
        PartsightError: the model, the inputs or the output cannot be used.
    """
    output = _output_file(options)
    if options.resume and output and output.exists() and not spool_path(output).exists():
        click.echo(f"partsight: {output} is complete: there is nothing to resume", err=True)
        return
    classifier = load_for_command(options.model, options.device, 1, options.overrides)
    point = operating_point(classifier, options)
    sheet = None
    if options.contact_sheet is not None:
        depth = classifier.contract.preprocess.bit_depth
        sheet = ContactSheet(options.contact_sheet, point, bit_depth=depth)
    observers = _observers(options, classifier)
    if sheet is not None:
        observers.append(sheet)
    judging = BatchSettings(classifier, point, options.details, options.workers)
    left_out = LeftOut()
    inputs = open_inputs(options.paths, options.every, left_out)
    run = Run(judging, inputs, observers, report_failure, left_out)
    if output is None:
        _write_to_stdout(run, options)
    else:
        _write_to_file(run, {**judging.document(), "every": options.every}, output, options)
    if sheet:
        sheet.write()
    if not options.quiet:
        report_left_out(left_out)
        click.echo(run.summary.text(), err=True)
    if (note := run.undeclared.text()) is not None:
        click.echo(f"partsight: {note}", err=True)
    exit_if_failed(run.summary.failed + run.unobserved, run.summary.total)


def _output_file(options: ClassifyOptions) -> Path | None:
    """The file for the rows; None is stdout.

    Raises:
        click.UsageError: the file cannot be written, or a run to stdout is to be resumed.
    """
    if not options.output or options.output == "-":
        if options.resume:
            raise click.UsageError("--resume needs -o: rows on stdout are not kept")
        return None
    output: Path = LocalPath(path_type=Path).convert(options.output, None, None)
    endings = sink_endings()
    if output.is_dir():
        raise click.BadParameter(f"{output} is a directory; a folder needs --engine ray")
    if output.suffix.lower() not in endings:
        raise click.BadParameter(
            f"{output} must end in {' or '.join(endings)}; a folder needs --engine ray"
        )
    require_sink(output)
    return output


def _observers(options: ClassifyOptions, classifier: Classifier) -> list[Observer]:
    observers: list[Observer] = []
    if options.heatmaps is not None:
        observers.append(_heatmap_writer(options.heatmaps, classifier))
    if options.sort_into is not None:
        observers.append(_sorter(options.sort_into, options.copy, options.resume))
    return observers


def _heatmap_writer(folder: Path, classifier: Classifier) -> Observer:
    require_heatmap(classifier.contract)

    def write(outcome: ClassifiedInput) -> None:
        if outcome.result and isinstance(outcome.item, InputImage):
            spec = classifier.contract.preprocess
            write_overlay(folder, outcome.item, outcome.result, spec)

    return write


def _sorter(folder: Path, copy: bool, resume: bool) -> Observer:
    if not resume and folder.is_dir() and any(folder.iterdir()):
        raise click.BadParameter(
            f"--sort-into {folder} is not empty, and the results of two runs would be mixed. "
            "Choose a new folder, or continue an interrupted run by --resume."
        )
    return SortInto(folder, copy=copy)


def _progress(options: ClassifyOptions) -> tuple[Progress, int | None]:
    """The progress bar and, if a terminal shows it, the number of inputs.

    Counting lists all folders once more.
    """
    if options.quiet:
        return silent, None
    return ProgressBar("classify"), count_inputs(options.paths) if sys.stderr.isatty() else None


def _write_to_stdout(run: Run, options: ClassifyOptions) -> None:
    sink = JsonLinesSink(standard_output())
    for row in run.rows(*_progress(options)):
        if outcome(row) in options.only:
            sink.write(shortened(row, options.top_k))


def _write_to_file(
    run: Run, asked: dict[str, object], output: Path, options: ClassifyOptions
) -> None:
    """Collect the rows in a spool file, then write the chosen ones to the output."""
    progress, total = _progress(options)
    with resume_hint(), Spool(output, asked, resume=options.resume) as spool:
        run.skip(spool)
        for row in run.rows(progress, total):
            spool.write(row)
        with file_sink(output, result_columns(details=options.details)) as sink:
            for row in spool.rows():
                if outcome(row) in options.only:
                    sink.write(shortened(row, options.top_k))
        spool.remove()
