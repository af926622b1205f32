"""A run on a cluster with Ray Data: chunks go out to actors, reports come back.

If a worker or machine is killed, its chunks are repeated: Ray starts the actor again where a core
is free, or gives its chunks to another one.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from partsight.batch.ray_engine.cluster import connected, pinned_here
from partsight.batch.ray_engine.output_folder import OutputFolder
from partsight.batch.ray_engine.plan import Planner
from partsight.batch.ray_engine.worker import Attempts, Task, Worker
from partsight.batch.summary import Summary
from partsight.errors import OutputError, SourceError
from partsight.image_files.read import no_image_files
from partsight.image_files.walk import LeftOut
from partsight.utils.progress import Progress

__all__ = ["ClusterRun", "classify_on_cluster"]

# Per worker: one chunk in progress, and the next one ready.
_CHUNKS_PER_WORKER = 2


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """Settings of a run on a cluster.

    Attributes:
        model: bytes of a trusted model.
        settings: JSON values that decide the rows, see ``BatchSettings.document``.
        address: see ``connected``.
        workers: number of cores; None means all cores of the cluster.
        chunk_rows: images per chunk.
        resume: whether to continue a stopped run.
    """

    model: bytes
    settings: dict[str, Any]
    address: str | None
    workers: int | None
    chunk_rows: int
    resume: bool


def classify_on_cluster(
    run: ClusterRun,
    paths: Sequence[str],
    make_task: Callable[[list[Any]], Task],
    on_error: Callable[[str, str], object],
    progress: Progress,
    left_out: LeftOut,
) -> Summary:
    """Classify the images at paths and URIs.

    Args:
        run: settings of the run.
        paths: as for ``open_inputs``, without archives and videos; or URIs.
        make_task: makes the task from the filesystems of the inputs.
        on_error: called with the name of each failed input and the reason.
        progress: display of the progress in chunks.
        left_out: collects files in folders that are not read.

    Returns:
        The summary of the run.

    Raises:
        DatasetError: there are no inputs at all.
        EnvironmentFault: Ray or pyarrow is not installed.
        OutputError: rows cannot be written, or a chunk failed repeatedly.
        SourceError: the cluster cannot be reached or failed; or an input is an archive, a video
            or a URI that cannot be opened.
    """
    with connected(run.address) as ray:
        planner = Planner(left_out=left_out)
        files, blocks = _put_chunks(ray, planner, paths, run.chunk_rows)
        if not files:
            raise no_image_files("the inputs", left_out)
        task = make_task(planner.filesystems)
        task.output.begin(run.settings, files, resume=run.resume)
        summary = Summary()
        reports = _reports(ray, run, task, blocks)
        for report in progress(reports, len(files), show=lambda _: f"{summary.rate:.0f}/s"):
            _add(summary, report, on_error)
        _finish(task.output, summary, len(files), run.settings)
        return summary


def _put_chunks(
    ray: Any, planner: Planner, paths: Sequence[str], size: int
) -> tuple[list[str], list[Any]]:
    """The file names of all chunks, and references to the chunks, which Ray keeps on disk."""
    pa = importlib.import_module("pyarrow")
    files, blocks = [], []
    for chunk in planner.chunks(paths, size):
        columns = {"number": [chunk.number], "file": [chunk.file], "inputs": [chunk.inputs]}
        files.append(chunk.file)
        blocks.append(ray.put(pa.table(columns)))
    return files, blocks


def _reports(ray: Any, run: ClusterRun, task: Task, blocks: list[Any]) -> Iterator[dict[str, Any]]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    attempts = ray.remote(num_cpus=0)(Attempts).options(scheduling_strategy=pinned_here(ray))
    workers = run.workers or int(ray.cluster_resources().get("CPU", 1))
    # Ray Data restarts actors and repeats their tasks without limit; ``Attempts`` limits how many
    # workers one chunk may crash.
    reports = ray.data.from_arrow_refs(blocks).map_batches(
        Worker,
        fn_constructor_args=(ray.put(run.model), attempts.remote(), task),
        batch_size=None,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(
            size=min(workers, len(blocks)), max_tasks_in_flight_per_actor=_CHUNKS_PER_WORKER
        ),
    )
    with _cluster_errors(ray):
        for row in reports.iter_rows():
            yield json.loads(row["report"])


def _add(summary: Summary, report: dict[str, Any], on_error: Callable[[str, str], object]) -> None:
    if "failed" in report:
        raise OutputError(
            f"the chunk that begins with {report['first']} failed: {report['failed']}. Fix this "
            "and continue with --resume, which keeps the rows written so far."
        )
    now = report["classified_now"]
    if now:
        for name, reason in report["errors"]:
            on_error(name, reason)
    summary.add_counts(
        report["outcomes"], report["labels"], classified_now=report["classified_now"]
    )


def _finish(output: OutputFolder, summary: Summary, files: int, settings: dict[str, Any]) -> None:
    counts = {"rows": summary.total, "failed": summary.failed, "parts": files}
    output.finish({**counts, "asked": settings})


@contextlib.contextmanager
def _cluster_errors(ray: Any) -> Iterator[None]:
    try:
        yield
    except ray.exceptions.RayError as error:
        cause = str(error).strip().splitlines()[-1]
        raise SourceError(
            f"the cluster failed: {cause}. Each machine needs the same version of partsight and a "
            "TFLite runtime; see 'ray status'. --resume keeps the rows written so far."
        ) from error
