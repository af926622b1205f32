"""Measures the speed of models on this machine, with each installed runtime.

Every measurement runs in a process of its own, so that memory is measured separately and a crash
does not end the others.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from partsight.inference.runtimes import Runtime, runtimes
from partsight.utils.child_python import python_module
from partsight.utils.counts import counted
from partsight.utils.known_secrets import without_secrets
from partsight.utils.progress import Progress, silent

__all__ = ["Measurement", "Way", "benchmark", "recommend", "ways"]

_TIMEOUT_S = 600.0
# Larger batches give no more frames per second.
_BATCH = 4
# A speed-up below this share does not justify another thread.
_MIN_SPEEDUP_PER_THREAD = 0.1


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run a model.

    Attributes:
        model: its path.
        runtime: its name.
        threads: runtime threads for one frame.
        workers: classifiers that run in parallel.
        batch: frames per invocation.
    """

    model: str
    runtime: str
    threads: int
    workers: int
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """Latency, throughput and memory of one way to run a model.

    All attributes except ``way`` and ``error`` are None if the measurement failed.

    Attributes:
        way: the measured way.
        load_ms: milliseconds from the file's bytes to a loaded classifier.
        first_ms: milliseconds for the first batch of BGR frames, which includes preparations.
        p50_ms, p95_ms, p99_ms: percentiles of the milliseconds of the later batches.
        frames_per_s: of all workers together.
        peak_mib: peak memory of the process; None if the system does not report it.
        error: reason of the failure.
    """

    way: Way
    load_ms: float | None = None
    first_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    frames_per_s: float | None = None
    peak_mib: float | None = None
    error: str | None = None


Run = Callable[[Way, bytes, int, str], dict[str, Any]]


def ways(models: Iterable[Path], installed: Sequence[Runtime], cores: int) -> list[Way]:
    """The ways to measure: every model with every runtime, thread count, and in batches."""
    counts = [(threads, 1, 1) for threads in range(1, cores + 1)]
    if cores > 1:
        counts.append((1, cores, 1))
    counts.append((cores, 1, _BATCH))
    return [
        Way(str(model), runtime.name, *count)
        for model in models
        for runtime in installed
        for count in counts
    ]


def benchmark(
    models: Mapping[Path, bytes],
    frames: int,
    size: str,
    progress: Progress = silent,
    run: Run | None = None,
) -> list[Measurement]:
    """Measure every way to run some models.

    Args:
        models: path and bytes of each; the files are not read again.
        frames: number of frames for each worker.
        size: of a frame, such as 1280x720.
        progress: display of the progress.
        run: returns the document of ``benchmark.process`` for a way and its model, or raises
            ``subprocess.SubprocessError``.

    Returns:
        One measurement per way.
    """
    every = ways(models, runtimes(), os.cpu_count() or 1)
    data = {str(model): content for model, content in models.items()}
    return [
        _measured(way, functools.partial(run or _run, way, data[way.model], frames, size))
        for way in progress(every, len(every))
    ]


def recommend(measurements: Sequence[Measurement]) -> tuple[Measurement, str] | None:
    """The way with the lowest latency and the fewest threads, and the reason in one line.

    Workers and batches do not count: they give more frames per second, but a line has one frame at
    a time. None if every measurement failed.
    """
    ran = [
        each
        for each in measurements
        if each.p50_ms is not None and each.way.workers == each.way.batch == 1
    ]
    if not ran:
        return None
    least = min(each.p50_ms for each in ran if each.p50_ms is not None)
    near = [each for each in ran if (each.p50_ms or 0) <= least * (1 + _MIN_SPEEDUP_PER_THREAD)]
    best = min(near, key=lambda each: (each.way.threads, each.p50_ms))
    slowest = max(each.p50_ms for each in ran if each.p50_ms is not None)
    threads = counted(best.way.threads, "thread")
    return best, (
        f"{best.way.model} with {best.way.runtime} on {threads}: {best.p50_ms:.1f} ms per frame "
        f"(fastest {least:.1f}, slowest {slowest:.1f})"
    )


def _measured(way: Way, run: Callable[[], dict[str, Any]]) -> Measurement:
    try:
        found = run()
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or "").strip().splitlines()
        return Measurement(way, error=lines[-1] if lines else f"exit code {error.returncode}")
    except subprocess.TimeoutExpired:
        return Measurement(way, error=f"not finished within {_TIMEOUT_S:.0f} s")
    p50, p95, p99 = (float(ms) for ms in np.percentile(found.pop("latency_ms"), [50, 95, 99]))
    return Measurement(way, **found, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def _run(way: Way, data: bytes, frames: int, size: str) -> dict[str, Any]:
    arguments = [way.runtime, way.threads, way.workers, way.batch, frames, size]
    done = subprocess.run(
        [*python_module("partsight.benchmark.process"), *map(str, arguments)],
        input=data,
        env=without_secrets(os.environ),
        capture_output=True,
        timeout=_TIMEOUT_S,
    )
    if done.returncode:
        output = done.stderr.decode(errors="replace")
        raise subprocess.CalledProcessError(done.returncode, done.args, stderr=output)
    document: dict[str, Any] = json.loads(done.stdout)
    return document
