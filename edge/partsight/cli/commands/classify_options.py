"""The options of ``partsight classify``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from partsight.cli.commands.cluster_options import Cluster, cluster_options
from partsight.cli.commands.model_options import (
    config_option,
    effective_operating_point,
    overrides_options,
)
from partsight.cli.options import LocalPath

if TYPE_CHECKING:
    from partsight.decision.operating_point import OperatingPoint
    from partsight.deploy.device import Device
    from partsight.inference.classifier import Classifier
    from partsight.model.third_party import ModelOverrides

__all__ = ["ClassifyOptions", "classify_options", "operating_point"]


@dataclass(frozen=True, slots=True)
class ClassifyOptions:
    """The values of all options.

    Attributes:
        model: path of the model file.
        paths: files, folders, patterns, lists, archives, videos, or URIs.
        output: file for the rows; None or '-' is stdout. For a cluster a folder or its URI.
        resume: continue an interrupted run.
        only: outcomes whose rows are written.
        top_k: number of scores per row; None writes all.
        accept_above, reject_below, min_contrast: replace thresholds of the configuration.
        details: write size, time and SHA-256 of each image.
        every: step between the frames of a video.
        heatmaps: folder for overlays of rejected and reviewed images.
        sort_into: new folder for links to the images, by verdict and label.
        copy: copies in ``sort_into`` instead of links.
        contact_sheet: HTML page of the images that were not accepted.
        workers: number of threads, or of a cluster's cores; None uses all cores.
        cluster: None classifies on this machine.
        quiet: no progress and no summary.
        device: configuration of this device.
        overrides: facts of a model of another tool.
    """

    model: str
    paths: tuple[str, ...]
    output: str | None
    resume: bool
    only: tuple[str, ...]
    top_k: int | None
    accept_above: float | None
    reject_below: float | None
    min_contrast: float | None
    details: bool
    every: int
    heatmaps: Path | None
    sort_into: Path | None
    copy: bool
    contact_sheet: Path | None
    workers: int | None
    cluster: Cluster | None
    quiet: bool
    device: Device
    overrides: ModelOverrides | None


def operating_point(classifier: Classifier, options: ClassifyOptions) -> OperatingPoint:
    """The thresholds for the verdicts: see ``effective_operating_point``."""
    return effective_operating_point(
        classifier,
        options.device,
        options.accept_above,
        options.reject_below,
        options.min_contrast,
    )


def _outcomes(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    from partsight.batch.rows import OUTCOMES

    chosen = OUTCOMES if value is None else tuple(value.split(","))
    for name in chosen:
        if name not in OUTCOMES:
            raise click.BadParameter(
                f"expected one or more of {','.join(OUTCOMES)}, received {name!r}", ctx, parameter
            )
    return chosen


# fmt: off
_OPTIONS: tuple[Callable[..., Any], ...] = (
    click.argument("model"),
    click.argument("paths", nargs=-1, required=True),
    click.option("-o", "--output",
                 help="OUT.jsonl, OUT.csv, OUT.parquet or OUT.sqlite; default or '-': JSON lines "
                      "on stdout. With --engine ray: a new folder for Parquet files, or its URI."),
    click.option("--resume", is_flag=True, help="Continue an interrupted run with this output."),
    click.option("--only", callback=_outcomes, metavar="LIST",
                 help="Write rows with these outcomes only, such as reject,review,error."),
    click.option("--top-k", type=click.IntRange(1), help="Write this number of scores per row."),
    click.option("--accept-above", type=click.FloatRange(0, 1),
                 help="Score above which an image is accepted; default: [decision] of the "
                      "configuration, or else the model's threshold."),
    click.option("--reject-below", type=click.FloatRange(0, 1),
                 help="Score below which an image is rejected; default as for --accept-above."),
    click.option("--min-contrast", type=click.FloatRange(0, 255),
                 help="Grey levels that an image must span to show a part; an image with fewer "
                      "gets the verdict review; default as for --accept-above; 0 is off."),
    click.option("--details", is_flag=True,
                 help="Also write size, time and SHA-256 of each image."),
    click.option("--every", type=click.IntRange(1), default=1, show_default=True, metavar="N",
                 help="Classify every Nth frame of a video."),
    click.option("--heatmaps", type=LocalPath(path_type=Path, file_okay=False),
                 help="Folder for the rejected and reviewed images, with defects coloured."),
    click.option("--sort-into", type=LocalPath(path_type=Path, file_okay=False),
                 help="New folder for links to the images, by verdict and label."),
    click.option("--copy", is_flag=True, help="Copy images for --sort-into instead of linking."),
    click.option("--contact-sheet", type=LocalPath(path_type=Path, dir_okay=False),
                 help="HTML page with the images that were not accepted, the worst 500 first."),
    click.option("--workers", type=click.IntRange(1),
                 help="Images that are classified at once.  [default: one per core]"),
    cluster_options,
    click.option("--quiet", is_flag=True,
                 help="No progress and no summary; failed images are still named."),
    config_option,
    overrides_options,
)
# fmt: on


def classify_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add all arguments and options, in the order of the help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
