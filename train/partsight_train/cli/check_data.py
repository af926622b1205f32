"""``partsight check-data``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import click

from partsight.cli.console import ProgressBar, exit_if_failed
from partsight_train.requirements import require_train_extra
from partsight_train.settings import DEFAULT_BACKBONE, TrainSettings

__all__ = ["command"]


@click.command("check-data", context_settings={"show_default": True})
@click.argument("image_dir", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A page with the pictures of each."
)
@click.option("--backbone", default=DEFAULT_BACKBONE, help="Whose features tell wrong labels.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(image_dir: Path, output: Path | None, backbone: str, as_json: bool) -> None:
    """Find what may be wrong with the labelled pictures in IMAGE_DIR.

    Unreadable files, exact and near duplicates under two labels or in two splits, labels
    with too few pictures or far more than another, mixed shapes, and pictures that look
    as if they had another label. Training does the same, and goes on.

    Also says how the folder is read: published splits, parts by sub-folder, files that are not
    read, and significant bits of 16-bit files.

    Exit code 3 where pictures cannot be read, 1 where something else is wrong for sure.

    \b
    Example:
      partsight check-data parts/ -o check.html
    """
    require_train_extra()
    from partsight.utils.files import write_atomic
    from partsight_train.data.prepare import prepare
    from partsight_train.data_check import Severity, check, findings_html

    settings = TrainSettings(backbone=backbone, quantization_aware=False)
    prepared = prepare(image_dir, settings, ProgressBar)
    dataset, examples = prepared.training_data.dataset, prepared.training_data.examples
    looking = ProgressBar("check of the pictures")
    depth = prepared.training_data.backbone.spec.bit_depth
    findings = check(
        dataset,
        prepared.digests,
        prepared.failed,
        examples,
        looking,
        bit_depth=depth,
        accept_labels=prepared.accept_labels,
    )
    if output is not None:
        page = findings_html(
            findings,
            image_dir,
            dataset.counts(),
            parts=dataset.part_counts(),
            notes=prepared.notes,
            bit_depth=depth,
        )
        write_atomic(output, page.encode())
    if as_json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        document = {"findings": rows, "splits": dataset.counts(), **prepared.document()}
        click.echo(json.dumps(document, default=str))
    else:
        for finding in findings:
            click.echo(f"{finding.severity.value}: {finding.kind}: {finding.message}")
        for note in prepared.notes:
            click.echo(f"how it was read: {note}")
        for label, number in dataset.part_counts().items():
            click.echo(f"{label}: {_counts(dataset.counts()[label])} of {number} parts")
        click.echo(f"{len(dataset.pictures)} pictures, {len(findings)} findings")
    exit_if_failed(len(prepared.failed), len(prepared.failed) + len(dataset.pictures))
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise click.exceptions.Exit(1)


def _counts(splits: Mapping[str, int]) -> str:
    by_split = ", ".join(f"{count} {split}" for split, count in splits.items())
    return f"{sum(splits.values())} pictures ({by_split})"
