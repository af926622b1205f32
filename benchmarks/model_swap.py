"""What a swap of models costs inspection: frames while nothing happens, and while one is swapped.

    python benchmarks/model_swap.py models/sample-parts-int8.tflite

Frames of 640 x 480 come 50 times a second, as a camera gives them, and are judged on one thread.
In every other period a new file is dropped into the incoming place: it is examined (signature,
trial, golden samples) in processes of its own, loaded, run once, and taken between two frames.
Periods of both kinds come in turns, so that a drift of the machine's speed meets both alike.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from partsight import Classifier
from partsight.config.models import ModelsConfig
from partsight.model.file import attach_contract, load_model_file
from partsight.model_store.activate import activate_model
from partsight.model_store.store import ModelStore
from partsight.model_store.watch import ModelWatch
from partsight.qualification.isolated import examine_isolated
from partsight.qualification.rules import Rules
from partsight.qualification.trust import TrustPolicy
from partsight.telemetry.telemetry import Telemetry

PERIODS, PERIOD_S, FRAME_S = 5, 6.0, 0.02


def main(path: Path) -> None:
    """Print milliseconds of a frame in both kinds of period."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PARTSIGHT_CACHE_DIR"] = str(Path(folder, "cache"))
        store = ModelStore(Path(folder, "store"))
        activate_model(store, load_model_file(path), 5)
        classifier = Classifier.load(path)
        milliseconds: dict[str, list[float]] = {"quiet": [], "swap": []}
        taken = []
        with ModelWatch(
            store,
            classifier,
            Classifier.load,
            Telemetry(),
            examine=functools.partial(examine_isolated, trust=TrustPolicy(None)),
            rules=Rules(models=ModelsConfig(interval_s=0.2)),
        ) as watch:
            for number in range(2 * PERIODS):
                kind = "swap" if number % 2 else "quiet"
                if kind == "swap":
                    (store.incoming / "new.tflite").write_bytes(renamed(path, number))
                classifier, swaps = judge(watch, classifier, milliseconds[kind])
                taken += swaps
    for kind, values in milliseconds.items():
        low, high = statistics.median(values), np.percentile(values, 99)
        print(f"{kind:6} {len(values)} frames, median {low:.2f} ms, p99 {high:.2f} ms, "
              f"worst {max(values):.2f} ms")  # fmt: skip
    print(f"{len(taken)} of {PERIODS} taken, their first frames {max(taken, default=0):.2f} ms at "
          "most")  # fmt: skip


def judge(
    watch: ModelWatch, classifier: Classifier, milliseconds: list[float]
) -> tuple[Classifier, list[float]]:
    """One period of frames: the classifier that it ends with, and frames that began with a swap."""
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    due, end, swaps = time.monotonic(), time.monotonic() + PERIOD_S, []
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        started = time.perf_counter()
        offered = watch.poll()
        classifier = offered or classifier
        classifier.classify([frame])
        milliseconds.append(1000 * (time.perf_counter() - started))
        if offered is not None:
            swaps.append(milliseconds[-1])
        due += FRAME_S
    return classifier, swaps


def renamed(path: Path, number: int) -> bytes:
    """The same model with another digest."""
    file = load_model_file(path)
    with zipfile.ZipFile(io.BytesIO(file.data)) as tail:
        members = {sample.file: tail.read(sample.file) for sample in file.contract.golden}
        size = json.loads(tail.read("partsight.json"))["model_bytes"]
    contract = dataclasses.replace(file.contract, provenance={"number": number})
    return attach_contract(file.data[:size], contract, members)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
