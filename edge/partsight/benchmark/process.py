"""One measurement, in a process of its own: what ``benchmark`` starts.

usage: python -m partsight.benchmark.process THREADS WORKERS BATCH FRAMES WIDTHxHEIGHT <MODEL

The model comes on stdin, so that what runs is what ``benchmark`` found to be trusted. The
runtime is that of ``PARTSIGHT_RUNTIME``. Leaves: one JSON object on stdout.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError, PartsightError
from partsight.image.preprocess import preprocess
from partsight.inference.classifier import Classifier
from partsight.inference.input_encoding import input_encoder
from partsight.inference.interpreter import Interpreter
from partsight.model.file import load_model_file
from partsight.qualification.trial import require_sound

__all__ = ["main", "measure"]

_WARM_UP = 5

Judge = Callable[[list[NDArray[np.uint8]]], Any]


def measure(
    model: bytes, threads: int, workers: int, batch: int, frames: int, size: str
) -> dict[str, Any]:
    """Load a model and judge frames with it.

    Args:
        model: the file's bytes.
        threads: of the runtime, for one batch.
        workers: classifiers that judge side by side.
        batch: frames that each judges at once.
        frames: so many by each worker, in whole batches.
        size: of a frame, such as 1280x720.

    Returns:
        Milliseconds to load and to judge the first batch, ``latency_ms`` of each batch after
        some to warm up, ``frames_per_s`` of all workers, ``peak_mib`` of memory or None.
    """
    # Tried once on a machine: no part of what loading takes.
    require_sound(load_model_file(model))
    started = time.perf_counter()
    judges = [_judge(model, threads, batch)]
    loaded = time.perf_counter()
    width, height = map(int, size.split("x"))
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    together = [image] * batch
    before_first = time.perf_counter()
    judges[0](together)
    after_first = time.perf_counter()
    judges += [_judge(model, threads, batch) for _ in range(workers - 1)]
    batches = -(-frames // batch)

    def latencies_of(judge: Judge) -> list[float]:
        latencies = []
        for _ in range(batches):
            arrived = time.perf_counter()
            judge(together)
            latencies.append(1000 * (time.perf_counter() - arrived))
        return latencies

    for judge in judges:
        for _ in range(_WARM_UP):
            judge(together)
    with ThreadPoolExecutor(workers) as pool:
        begun = time.perf_counter()
        latencies = [each for part in pool.map(latencies_of, judges) for each in part]
        seconds = time.perf_counter() - begun
    return {
        "load_ms": 1000 * (loaded - started),
        "first_ms": 1000 * (after_first - before_first),
        "latency_ms": latencies,
        "frames_per_s": workers * batches * batch / seconds,
        "peak_mib": _peak_mib(),
    }


def _judge(model: bytes, threads: int, batch: int) -> Judge:
    """A function from frames to what the model says of them."""
    if batch == 1:
        return Classifier.open(model, threads=threads).classify
    file = load_model_file(model)
    spec = file.contract.preprocess
    interpreter = _for_batches(model, threads, batch)
    feed = input_encoder(interpreter.input, file.contract.normalization, file.contract.layout)
    return lambda frames: interpreter.invoke(
        np.stack([feed(preprocess(frame, spec)) for frame in frames])
    )


def _for_batches(model: bytes, threads: int, batch: int) -> Interpreter:
    try:
        interpreter = Interpreter(model, threads=threads, batch=batch)
    except ModelError as error:
        raise ModelError(f"it takes no {batch} frames at once: {error.__cause__}") from error
    if interpreter.output.shape[:1] != (batch,):
        raise ModelError(
            f"it takes no {batch} frames at once: it then gives {interpreter.output.shape}"
        )
    return interpreter


def _peak_mib() -> float | None:
    try:
        import resource
    except ImportError:  # Windows has no such thing
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main(threads: str, workers: str, batch: str, frames: str, size: str) -> None:
    """Print a measurement, or end with the reason for none."""
    try:
        model = sys.stdin.buffer.read()
        found = measure(model, int(threads), int(workers), int(batch), int(frames), size)
    except PartsightError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
