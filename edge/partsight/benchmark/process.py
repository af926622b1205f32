"""One measurement in a process of its own, started by ``benchmark.measure``.

usage: python -m partsight.benchmark.process RUNTIME THREADS WORKERS BATCH FRAMES SIZE <MODEL

The model is read from stdin, so that the measured bytes are those whose signature was checked. The
result is one JSON object on stdout.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError, PartsightError
from partsight.image.preprocess import preprocess
from partsight.inference.classifier import Classifier
from partsight.inference.input_encoding import input_encoder
from partsight.inference.interpreter import Interpreter
from partsight.inference.runtimes import RuntimeOptions, choose_runtime
from partsight.model.file import load_model_file
from partsight.qualification.trial import require_sound

__all__ = ["main", "measure"]

_WARM_UP = 5

Model = Callable[[list[NDArray[np.uint8]]], Any]


def measure(
    model: bytes, options: RuntimeOptions, workers: int, batch: int, frames: int, size: str
) -> dict[str, Any]:
    """Load a model and classify frames with it.

    Args:
        model: the file's bytes.
        options: runtime, and its number of threads for one batch.
        workers: classifiers that run in parallel.
        batch: frames per invocation.
        frames: number of frames for each worker, rounded up to whole batches.
        size: of a frame, such as 1280x720.

    Returns:
        ``load_ms``, ``first_ms`` for the first batch, ``latency_ms`` of each batch after the
        warm-up, ``frames_per_s`` of all workers, and ``peak_mib`` of memory or None.
    """
    # The trial takes place once per machine and does not count as loading.
    require_sound(load_model_file(model), choose_runtime(options.runtime))
    started = time.perf_counter()
    loaded_models = [_load(model, options, batch)]
    loaded = time.perf_counter()
    width, height = map(int, size.split("x"))
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    images = [image] * batch
    before_first = time.perf_counter()
    loaded_models[0](images)
    after_first = time.perf_counter()
    loaded_models += [_load(model, options, batch) for _ in range(workers - 1)]
    batches = -(-frames // batch)
    for run in loaded_models:
        for _ in range(_WARM_UP):
            run(images)
    with ThreadPoolExecutor(workers) as pool:
        begun = time.perf_counter()
        per_worker = pool.map(_latencies_ms, loaded_models, repeat(images), repeat(batches))
        latencies = list(chain.from_iterable(per_worker))
        seconds = time.perf_counter() - begun
    return {
        "load_ms": 1000 * (loaded - started),
        "first_ms": 1000 * (after_first - before_first),
        "latency_ms": latencies,
        "frames_per_s": workers * batches * batch / seconds,
        "peak_mib": _peak_mib(),
    }


def _latencies_ms(run: Model, images: list[NDArray[np.uint8]], batches: int) -> list[float]:
    latencies = []
    for _ in range(batches):
        started = time.perf_counter()
        run(images)
        latencies.append(1000 * (time.perf_counter() - started))
    return latencies


def _load(model: bytes, options: RuntimeOptions, batch: int) -> Model:
    """A function that runs the model on a batch of BGR frames."""
    if batch == 1:
        return Classifier.open(model, options).classify
    file = load_model_file(model)
    spec = file.contract.preprocess
    interpreter = _for_batches(model, options, batch)
    encode = input_encoder(interpreter.input, file.contract.normalization, file.contract.layout)
    return lambda frames: interpreter.invoke(
        np.stack([encode(preprocess(frame, spec)) for frame in frames])
    )


def _for_batches(model: bytes, options: RuntimeOptions, batch: int) -> Interpreter:
    try:
        interpreter = Interpreter(model, options, batch=batch)
    except ModelError as error:
        raise ModelError(
            f"the model cannot run batches of {batch} frames: {error.__cause__}"
        ) from error
    if interpreter.output.shape[:1] != (batch,):
        raise ModelError(
            f"the model cannot run batches of {batch} frames: expected an output of shape "
            f"({batch}, ...), received {interpreter.output.shape}"
        )
    return interpreter


def _peak_mib() -> float | None:
    try:
        import resource
    except ImportError:  # not available on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main(runtime: str, threads: str, workers: str, batch: str, frames: str, size: str) -> None:
    """Print a measurement, or exit with the reason of the failure."""
    try:
        model = sys.stdin.buffer.read()
        options = RuntimeOptions(runtime, int(threads))
        found = measure(model, options, int(workers), int(batch), int(frames), size)
    except PartsightError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
