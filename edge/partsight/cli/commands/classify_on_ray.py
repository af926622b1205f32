"""``partsight classify --engine ray``: classify on a cluster."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from partsight.batch.ray_engine.cluster import imported
from partsight.batch.ray_engine.engine import ClusterRun, classify_on_cluster
from partsight.batch.ray_engine.output_folder import OutputFolder, open_output_folder
from partsight.batch.ray_engine.stores import is_uri
from partsight.batch.ray_engine.worker import Task
from partsight.batch.run import BatchSettings
from partsight.cli.commands.classify_options import ClassifyOptions, operating_point
from partsight.cli.commands.cluster_options import Cluster
from partsight.cli.commands.model_options import load_for_command
from partsight.cli.console import (
    ProgressBar,
    exit_if_failed,
    report_failure,
    report_left_out,
    resume_hint,
)
from partsight.image_files.walk import LeftOut
from partsight.model.file import read_model
from partsight.results import sink_endings
from partsight.utils.progress import silent

__all__ = ["classify_on_ray"]

# These options need all images on one machine.
_LOCAL_ONLY = ("heatmaps", "sort_into", "copy", "contact_sheet")


def classify_on_ray(options: ClassifyOptions, cluster: Cluster) -> None:
    """Classify all inputs on a cluster, and exit with code 3 if some failed.

    Raises:
        click.UsageError: an option that needs one machine, or a wrong output.
        PartsightError: see ``classify_on_cluster`` and ``load_for_command``.
    """
    name = _output_name(options)
    imported()  # fail at once without Ray
    output = open_output_folder(name)
    if output.is_whole():
        _require_resume(output, options.resume)
        return
    left_out = LeftOut()
    with resume_hint():
        run, judging = _prepare(options, cluster)
        summary = classify_on_cluster(
            run,
            options.paths,
            functools.partial(_task, options, output, judging),
            report_failure,
            silent if options.quiet else ProgressBar("classify"),
            left_out,
        )
    if not options.quiet:
        report_left_out(left_out)
        click.echo(summary.text(), err=True)
    exit_if_failed(summary.failed, summary.total)


def _prepare(options: ClassifyOptions, cluster: Cluster) -> tuple[ClusterRun, BatchSettings]:
    """Load the model here, so that a wrong one fails before the cluster starts."""
    model = read_model(Path(options.model))
    classifier = load_for_command(model, options.device, 1, options.overrides)
    point = operating_point(classifier, options)
    judging = BatchSettings(classifier, point, options.details)
    asked = {
        **judging.document(),
        "only": list(options.only),
        "top_k": options.top_k,
        "part_rows": cluster.rows_per_file,
    }
    run = ClusterRun(
        model, asked, cluster.address, options.workers, cluster.rows_per_file, options.resume
    )
    return run, judging


def _task(
    options: ClassifyOptions, output: OutputFolder, judging: BatchSettings, filesystems: list[Any]
) -> Task:
    return Task(
        output=output,
        filesystems=filesystems,
        point=judging.point,
        overrides=options.device.overrides(options.overrides),
        runtime=judging.classifier.interpreter.runtime.name,
        details=options.details,
        only=options.only,
        top_k=options.top_k,
    )


def _output_name(options: ClassifyOptions) -> str:
    """The name or URI of the output folder.

    Raises:
        click.UsageError: it is a file, or an option needs one machine.
    """
    name = options.output or ""
    is_file = Path(name).is_file() or Path(name).suffix.lower() in sink_endings()
    if name in ("", "-") or (is_file and not is_uri(name) and not name.endswith("/")):
        raise click.BadParameter(
            f"expected a new folder, as in '-o rows/', or its URI: --engine ray writes many files. "
            f"Received {name!r}"
        )
    for option in _LOCAL_ONLY:
        if getattr(options, option):
            raise click.UsageError(f"--{option.replace('_', '-')} needs --engine local")
    if options.every != 1:
        raise click.UsageError("--every is for videos, which --engine ray does not read")
    return name


def _require_resume(output: OutputFolder, resume: bool) -> None:
    """Refuse a complete output folder, unless a run is to be resumed."""
    if not resume:
        raise click.BadParameter(
            f"{output.name} holds the rows of another run. Choose a new folder, or remove it."
        )
    click.echo(f"partsight: {output.name} is complete: there is nothing to resume", err=True)
