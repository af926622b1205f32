"""A run over a cluster by Ray Data: parts out to actors, reports in.

Enters: a model's bytes and paths. Leaves: an ``OutputFolder`` that is whole, and a summary. A
worker or machine that is killed costs its part once more: Ray starts the actor again, where there
is room, and gives it what it had, or another one.
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

# One that a worker judges, and one so that it does not wait for the next.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """What is asked of a cluster.

    Attributes:
        model: bytes, which the caller trusts.
        asked: what decides the rows, for a run that goes on.
        address: see ``connected``.
        workers: cores; None is all that the cluster has.
        part_rows: pictures a part.
        resume: whether to go on with a run that was stopped.
    """

    model: bytes
    asked: dict[str, Any]
    address: str | None
    workers: int | None
    part_rows: int
    resume: bool


def classify_on_cluster(
    run: ClusterRun,
    paths: Sequence[str],
    make_task: Callable[[list[Any]], Task],
    tell: Callable[[str, str], object],
    progress: Progress,
    left_out: LeftOut,
) -> Summary:
    """Judge what paths and URIs stand for.

    Args:
        run: what is asked.
        paths: as ``open_inputs`` takes them, without archives and videos; or URIs.
        make_task: given the filesystems that inputs lie in.
        tell: is given the name of what failed, and the reason.
        progress: who is told how far it is, in parts.
        left_out: collects files in folders that are not read.

    Raises:
        DatasetError: there was no input at all.
        EnvironmentFault: Ray or pyarrow is not installed.
        OutputError: rows cannot be written, or the cluster cannot go on.
        SourceError: no such cluster; or an archive, a video, a URI that cannot be opened.
    """
    with connected(run.address) as ray:
        planner = Planner(left_out=left_out)
        files, blocks = _stored(ray, planner, paths, run.part_rows)
        if not files:
            raise no_image_files("what was given", left_out)
        task = make_task(planner.filesystems)
        task.output.begin(run.asked, files, resume=run.resume)
        summary = Summary()
        reports = _reports(ray, run, task, blocks)
        for report in progress(reports, len(files), show=lambda _: f"{summary.rate:.0f} a second"):
            _add(summary, report, tell)
        _finish(task.output, summary, len(files), run.asked)
        return summary


def _stored(
    ray: Any, planner: Planner, paths: Sequence[str], size: int
) -> tuple[list[str], list[Any]]:
    """The files of all parts, and references to the parts; Ray keeps these on its disk."""
    pa = importlib.import_module("pyarrow")
    files, blocks = [], []
    for part in planner.parts(paths, size):
        columns = {"number": [part.number], "file": [part.file], "inputs": [part.inputs]}
        files.append(part.file)
        blocks.append(ray.put(pa.table(columns)))
    return files, blocks


def _reports(ray: Any, run: ClusterRun, task: Task, blocks: list[Any]) -> Iterator[dict[str, Any]]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    attempts = ray.remote(num_cpus=0)(Attempts).options(scheduling_strategy=pinned_here(ray))
    workers = run.workers or int(ray.cluster_resources().get("CPU", 1))
    # Ray Data starts actors again, and gives them their tasks again, without end; that a part does
    # not end one worker after the other for ever is what ``Attempts`` is for.
    judged = ray.data.from_arrow_refs(blocks).map_batches(
        Worker,
        fn_constructor_args=(ray.put(run.model), attempts.remote(), task),
        batch_size=None,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(
            size=min(workers, len(blocks)), max_tasks_in_flight_per_actor=_AHEAD
        ),
    )
    with _cluster_errors(ray):
        for row in judged.iter_rows():
            yield json.loads(row["report"])


def _add(summary: Summary, report: dict[str, Any], tell: Callable[[str, str], object]) -> None:
    if "failed" in report:
        raise OutputError(
            f"the part that begins with {report['first']} failed: {report['failed']}. Mend that; "
            "--resume goes on with the rows that are there."
        )
    if report["classified_now"]:
        for name, reason in report["errors"]:
            tell(name, reason)
    summary.add_counts(
        report["outcomes"], report["labels"], classified_now=report["classified_now"]
    )


def _finish(output: OutputFolder, summary: Summary, parts: int, asked: dict[str, Any]) -> None:
    output.finish({"rows": summary.total, "failed": summary.failed, "parts": parts, "asked": asked})


@contextlib.contextmanager
def _cluster_errors(ray: Any) -> Iterator[None]:
    try:
        yield
    except ray.exceptions.RayError as error:
        cause = str(error).strip().splitlines()[-1]
        raise SourceError(
            f"the cluster cannot go on: {cause}. Each machine needs the same partsight and a "
            "TFLite runtime; see 'ray status'. --resume goes on with the rows that are there."
        ) from error
