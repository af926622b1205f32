"""Options of ``partsight classify`` for a cluster."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import click

from partsight.cli.options import RenamedOption

__all__ = ["Cluster", "cluster_options"]

# A few seconds of work: the loss if a worker is killed, and a convenient file size.
_ROWS_PER_FILE = 1000


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster to classify on.

    Attributes:
        address: address of its head; None starts one on this machine.
        rows_per_file: images per Parquet file.
    """

    address: str | None
    rows_per_file: int


_OPTIONS = (
    click.option("--engine", type=click.Choice(["local", "ray"]), default="local",
                 show_default=True, help="Use this machine, or a cluster with Ray Data."),
    click.option("--ray-address", metavar="ADDR",
                 help="For --engine ray: HOST:PORT of the head, or auto; default $RAY_ADDRESS, "
                      "or else this machine alone."),
    click.option("--rows-per-file", cls=RenamedOption, former=["--part-rows"],
                 type=click.IntRange(1),
                 help="For --engine ray: images per Parquet file.  "
                      f"[default: {_ROWS_PER_FILE}]"),
)  # fmt: skip


def cluster_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--engine`` and its options; the command receives them as ``cluster``."""

    @functools.wraps(command)
    def with_cluster(
        *, engine: str, ray_address: str | None, rows_per_file: int | None, **options: object
    ) -> None:
        if engine == "local" and (ray_address or rows_per_file):
            raise click.UsageError("--ray-address and --rows-per-file need --engine ray")
        cluster = Cluster(ray_address, rows_per_file or _ROWS_PER_FILE) if engine == "ray" else None
        command(cluster=cluster, **options)

    for option in reversed(_OPTIONS):
        with_cluster = option(with_cluster)
    return with_cluster
