"""One measurement, in a process of its own: what ``benchmark`` starts.

usage: python -m partsight.benchmark_process MODEL THREADS WORKERS FRAMES WIDTHxHEIGHT

The runtime is that of ``PARTSIGHT_RUNTIME``. Leaves: one JSON object on stdout.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from partsight.classify import Classifier
from partsight.errors import PartsightError
from partsight.model_file import load_model_file
from partsight.trust import require_trusted

__all__ = ["main", "measure"]

_WARM_UP = 5


def measure(model: str, threads: int, workers: int, frames: int, size: str) -> dict[str, Any]:
    """Load a model and judge frames with it.

    Args:
        model: path.
        threads: of the runtime, for one frame.
        workers: classifiers that judge side by side.
        frames: so many by each worker.
        size: of a frame, such as 1280x720.

    Returns:
        Milliseconds to load and to judge the first frame, ``latency_ms`` of each frame after
        some to warm up, ``frames_per_s`` of all workers, ``peak_mib`` of memory or None.
    """
    # Tried once on a machine: no part of what loading takes.
    require_trusted(load_model_file(model))
    started = time.perf_counter()
    classifiers = [Classifier.load(model, threads=threads, trusted=True)]
    loaded = time.perf_counter()
    width, height = map(int, size.split("x"))
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    before_first = time.perf_counter()
    classifiers[0].classify([frame])
    after_first = time.perf_counter()
    classifiers += [
        Classifier.load(model, threads=threads, trusted=True) for _ in range(workers - 1)
    ]

    def judge(classifier: Classifier) -> list[float]:
        latencies = []
        for _ in range(frames):
            arrived = time.perf_counter()
            classifier.classify([frame])
            latencies.append(1000 * (time.perf_counter() - arrived))
        return latencies

    for classifier in classifiers:
        classifier.classify([frame] * _WARM_UP)
    with ThreadPoolExecutor(workers) as pool:
        begun = time.perf_counter()
        latencies = [each for part in pool.map(judge, classifiers) for each in part]
        seconds = time.perf_counter() - begun
    return {
        "load_ms": 1000 * (loaded - started),
        "first_ms": 1000 * (after_first - before_first),
        "latency_ms": latencies,
        "frames_per_s": workers * frames / seconds,
        "peak_mib": _peak_mib(),
    }


def _peak_mib() -> float | None:
    try:
        import resource
    except ImportError:  # Windows has no such thing
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main(model: str, threads: str, workers: str, frames: str, size: str) -> None:
    """Print a measurement, or end with the reason for none."""
    try:
        found = measure(model, int(threads), int(workers), int(frames), size)
    except PartsightError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
