"""``partsight sample-data``."""

from __future__ import annotations

from pathlib import Path

import click

from partsight.cli.console import ProgressBar
from partsight.cli.options import LocalPath

__all__ = ["command"]


@click.command("sample-data")
@click.argument("destination", metavar="DEST", type=LocalPath(path_type=Path))
@click.option(
    "--per-label", type=click.IntRange(1), default=150, show_default=True, help="Images per label."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the rendering."
)
def command(destination: Path, per_label: int, seed: int) -> None:
    """Write rendered sample images of metal parts.

    DEST gets the folders healthy/ and defected/. The same seed gives the same images; a larger
    number adds to them.

    \b
    Example:
      partsight sample-data parts --per-label 200 --seed 1
    """
    from partsight.sample_data import write_sample_data

    paths = write_sample_data(destination, per_label, seed, ProgressBar("render"))
    click.echo(f"wrote {len(paths)} images below {destination}")
