"""Which engine judges many pictures, this machine's or a cluster's: options of ``classify``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import click

__all__ = ["Cluster", "cluster_options"]

# A few seconds' work: what a killed worker costs, and a file of a size that readers like.
_PART_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is asked for.

    Attributes:
        address: of its head; None is one of this machine alone.
        part_rows: pictures a part.
    """

    address: str | None
    part_rows: int


_OPTIONS = (
    click.option("--engine", type=click.Choice(["local", "ray"]), default="local",
                 show_default=True, help="This machine, or a cluster by Ray Data."),
    click.option("--ray-address", metavar="ADDR",
                 help="For --engine ray: HOST:PORT of the head, or auto; default $RAY_ADDRESS, "
                      "else this machine alone."),
    click.option("--part-rows", type=click.IntRange(1),
                 help=f"For --engine ray: pictures a Parquet file.  [default: {_PART_ROWS}]"),
)  # fmt: skip


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """``--engine ray`` and what goes with it, for the command as ``cluster``."""

    @functools.wraps(command)
    def gathered(
        *, engine: str, ray_address: str | None, part_rows: int | None, **options: object
    ) -> None:
        if engine == "local" and (ray_address or part_rows):
            raise click.UsageError("--ray-address and --part-rows go with --engine ray")
        cluster = Cluster(ray_address, part_rows or _PART_ROWS) if engine == "ray" else None
        command(cluster=cluster, **options)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered
