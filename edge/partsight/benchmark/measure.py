"""How fast models are on this very machine, under each runtime that it has.

Enters: model files. Leaves: a ``Measurement`` of each way to run each, and which to choose.
Every measurement has a process of its own, so that none meets another's memory, or takes
the others down.
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
from partsight.utils.known_secrets import without_secrets
from partsight.utils.progress import Progress, silent

__all__ = ["Measurement", "Way", "benchmark", "recommend", "ways"]

_TIMEOUT_S = 600.0
# Larger ones give no more frames a second.
_BATCH = 4
# A way that is faster by less than this share is not worth another thread.
_WORTH_A_THREAD = 0.1


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run a model.

    Attributes:
        model: its path.
        runtime: name.
        threads: of the runtime, for one frame.
        workers: classifiers side by side.
        batch: frames that the model is given at once.
    """

    model: str
    runtime: str
    threads: int
    workers: int
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one way to run a model costs. All but ``way`` and ``error`` are None if it failed.

    Attributes:
        way: which.
        load_ms: from the file's bytes to a classifier that is ready.
        first_ms: from the first batch of BGR frames to its scores; runtimes prepare on it.
        p50_ms, p95_ms, p99_ms: of the batches after.
        frames_per_s: of all workers together.
        peak_mib: memory of the process at most; None where the system does not say.
        error: why it failed.
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
    """Every model under every runtime: on 1 to ``cores`` threads, a worker a core, in batches."""
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
        models: path and bytes of each. The bytes are what runs; no file is read again.
        frames: a worker judges so many.
        size: of a frame, such as 1280x720.
        progress: told of each way.
        run: gives the document of ``benchmark_process`` for a way and its model; raises
            ``subprocess.SubprocessError`` where it fails.
    """
    every = ways(models, runtimes(), os.cpu_count() or 1)
    data = {str(model): content for model, content in models.items()}
    return [
        _measured(way, functools.partial(run or _run, way, data[way.model], frames, size))
        for way in progress(every, len(every))
    ]


def recommend(measurements: Sequence[Measurement]) -> tuple[Measurement, str] | None:
    """The way with the least latency, on as few threads as give it, and why in one line.

    A worker a core, and batches, give more frames a second, not a verdict sooner: a line has one
    frame at a time. None where nothing ran.
    """
    ran = [
        each
        for each in measurements
        if each.p50_ms is not None and each.way.workers == each.way.batch == 1
    ]
    if not ran:
        return None
    least = min(each.p50_ms for each in ran if each.p50_ms is not None)
    near = [each for each in ran if (each.p50_ms or 0) <= least * (1 + _WORTH_A_THREAD)]
    best = min(near, key=lambda each: (each.way.threads, each.p50_ms))
    slowest = max(each.p50_ms for each in ran if each.p50_ms is not None)
    threads = f"{best.way.threads} thread{'s' if best.way.threads > 1 else ''}"
    return best, (
        f"{best.way.model} under {best.way.runtime} on {threads}: {best.p50_ms:.1f} ms a frame "
        f"(fastest {least:.1f}, slowest {slowest:.1f})"
    )


def _measured(way: Way, run: Callable[[], dict[str, Any]]) -> Measurement:
    try:
        found = run()
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines()
        return Measurement(way, error=said[-1] if said else f"ended with {error.returncode}")
    except subprocess.TimeoutExpired:
        return Measurement(way, error=f"did not end within {_TIMEOUT_S:.0f} s")
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
        said = done.stderr.decode(errors="replace")
        raise subprocess.CalledProcessError(done.returncode, done.args, stderr=said)
    document: dict[str, Any] = json.loads(done.stdout)
    return document
