"""``partsight check-data``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.cli.console import ProgressBar, exit_if_failed
from partsight.cli.options import LocalPath
from partsight.utils.counts import counted
from partsight_train.requirements import require_train_extra
from partsight_train.settings import DEFAULT_BACKBONE, TrainSettings

if TYPE_CHECKING:
    from partsight_train.data.prepare import Prepared
    from partsight_train.data_check import Finding

__all__ = ["command"]


@click.command("check-data", context_settings={"show_default": True})
@click.argument("image_dir", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=LocalPath(path_type=Path),
    help="HTML page with the images of each finding.",
)
@click.option(
    "--backbone",
    default=DEFAULT_BACKBONE,
    help="Backbone whose features are used to find wrong labels.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(image_dir: Path, output: Path | None, backbone: str, as_json: bool) -> None:
    """Find problems in the labelled images of IMAGE_DIR.

    Reports unreadable files, exact and near duplicates under two labels or in two splits, labels
    with too few images or far more than another, different aspect ratios, low contrast, and images
    that look like another label. Training makes the same checks, but continues in any case.

    Also reports how the folder is read: published splits, parts by sub-folder, files that are
    not read, and significant bits of 16-bit files.

    The exit code is 3 if images cannot be read, and 1 if there is any other finding of severity
    error.

    \b
    Example:
      partsight check-data parts/ -o check.html
    """
    require_train_extra()
    from partsight_train.data.prepare import prepare
    from partsight_train.data_check import Severity, check

    settings = TrainSettings(backbone=backbone, quantization_aware=False)
    prepared = prepare(image_dir, settings, ProgressBar)
    dataset = prepared.training_data.dataset
    findings = check(
        dataset,
        prepared.digests,
        prepared.failed,
        prepared.training_data.examples,
        ProgressBar("check of the images"),
        bit_depth=prepared.training_data.backbone.spec.bit_depth,
        accept_labels=prepared.accept_labels,
    )
    if output is not None:
        _write_page(output, image_dir, prepared, findings)
    if as_json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        document = {"findings": rows, "splits": dataset.counts(), **prepared.document()}
        click.echo(json.dumps(document, default=str))
    else:
        _print(prepared, findings)
    exit_if_failed(len(prepared.failed), len(prepared.failed) + len(dataset.images))
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise click.exceptions.Exit(1)


def _write_page(
    output: Path, image_dir: Path, prepared: Prepared, findings: Sequence[Finding]
) -> None:
    from partsight.utils.files import write_atomic
    from partsight_train.data_check import findings_html

    dataset = prepared.training_data.dataset
    page = findings_html(
        findings,
        image_dir,
        dataset.counts(),
        parts=dataset.part_counts(),
        notes=prepared.notes,
        bit_depth=prepared.training_data.backbone.spec.bit_depth,
    )
    write_atomic(output, page.encode())


def _print(prepared: Prepared, findings: Sequence[Finding]) -> None:
    dataset = prepared.training_data.dataset
    for finding in findings:
        click.echo(f"{finding.severity.value}: {finding.kind}: {finding.message}")
    for note in prepared.notes:
        click.echo(f"how the folder is read: {note}")
    for label, number in dataset.part_counts().items():
        click.echo(f"{label}: {_counts(dataset.counts()[label])} of {counted(number, 'part')}")
    click.echo(f"{counted(len(dataset.images), 'image')}, {counted(len(findings), 'finding')}")


def _counts(splits: Mapping[str, int]) -> str:
    by_split = ", ".join(f"{count} {split}" for split, count in splits.items())
    return f"{counted(sum(splits.values()), 'image')} ({by_split})"
