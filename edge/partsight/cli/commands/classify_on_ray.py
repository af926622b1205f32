"""``partsight classify --engine ray``: from options to a run over a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from partsight.batch.ray_engine.cluster import imported
from partsight.batch.ray_engine.engine import ClusterRun, classify_on_cluster
from partsight.batch.ray_engine.output_folder import OutputFolder, open_output_folder
from partsight.batch.ray_engine.stores import is_uri
from partsight.batch.ray_engine.worker import Task
from partsight.batch.run import BatchSettings
from partsight.cli.commands.cluster_options import Cluster
from partsight.cli.commands.model_options import load_for_command, point_in_force
from partsight.cli.console import ProgressBar, exit_if_failed, tell_left_out
from partsight.image_files.walk import LeftOut
from partsight.model.file import read_model
from partsight.model.third_party import ModelOverrides
from partsight.utils.progress import silent

__all__ = ["classify_on_ray"]

# Each needs all pictures on one machine.
_LOCAL_ONLY = ("heatmaps", "sort_into", "copy", "contact_sheet")


def classify_on_ray(
    cluster: Cluster,
    options: Mapping[str, Any],
    overrides: ModelOverrides | None,
    tell: Callable[[str, str], object],
) -> None:
    """Do what ``partsight classify`` does, over a cluster.

    Args:
        cluster: what was asked for.
        options: those of the command, by name.
        overrides: what a model of another tool does not say of itself.
        tell: is given the name of what failed, and the reason.

    Raises:
        PartsightError: see ``classify_on_cluster``, and ``load_for_command``.
    """
    name = _require_folder(options)
    imported()  # before anything else is asked
    output = open_output_folder(name)
    if output.is_whole():
        _refuse_or_leave(output, options["resume"])
        return
    model = read_model(Path(options["model"]))
    classifier = load_for_command(model, 1, overrides)
    point = point_in_force(
        classifier, options["accept_above"], options["reject_below"], options["min_contrast"]
    )

    def make_task(filesystems: list[Any]) -> Task:
        return Task(
            output=output,
            filesystems=filesystems,
            point=point,
            overrides=overrides,
            runtime=classifier.interpreter.runtime.name,
            details=options["details"],
            only=tuple(options["only"]),
            top_k=options["top_k"],
        )

    asked = {
        **BatchSettings(classifier, point, options["details"]).document(),
        **{key: options[key] for key in ("only", "top_k")},
        "part_rows": cluster.part_rows,
    }
    run = ClusterRun(
        model, asked, cluster.address, options["workers"], cluster.part_rows, options["resume"]
    )
    quiet = options["quiet"]
    progress = silent if quiet else ProgressBar("classify")
    left_out = LeftOut()
    summary = classify_on_cluster(run, options["paths"], make_task, tell, progress, left_out)
    if not quiet:
        tell_left_out(left_out)
        click.echo(summary.text(), err=True)
    exit_if_failed(summary.failed, summary.total)


def _require_folder(options: Mapping[str, Any]) -> str:
    """The folder's name; whatever else this engine cannot do is refused, too."""
    from partsight.results import sink_endings

    name: str = options["output_name"] or ""
    is_file = Path(name).is_file() or Path(name).suffix.lower() in sink_endings()
    if name in ("", "-") or (is_file and not is_uri(name) and not name.endswith("/")):
        raise click.BadParameter(
            f"expected a new folder, as in '-o rows/', or its URI: --engine ray writes many files. "
            f"Received {name!r}"
        )
    for option in _LOCAL_ONLY:
        if options[option]:
            raise click.UsageError(f"--{option.replace('_', '-')} goes with --engine local")
    if options["every"] != 1:
        raise click.UsageError("--every is for videos, which --engine ray does not read")
    return name


def _refuse_or_leave(output: OutputFolder, resume: bool) -> None:
    if not resume:
        raise click.BadParameter(
            f"{output.name} holds the rows of another run. Choose a new folder, or remove it."
        )
    click.echo(f"partsight: {output.name} is whole: there is nothing to resume", err=True)
