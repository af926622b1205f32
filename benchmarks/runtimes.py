"""One int8 frame under each TFLite runtime, in turns, one thread each.

Run it where both runtimes are installed and nothing else runs:

    pip install -c constraints.txt '.[litert]'
    python benchmarks/runtimes.py models/sample-parts-int8.tflite

Each runtime lives in a process of its own. Rounds take turns, so that a drift of the
machine's speed meets all alike; the ratio to the first is of medians over all rounds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

ROUNDS = 5
FRAMES = 60

PREPARE = """
import json, sys, time
import numpy as np
side = int(sys.argv[3])
picture = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
"""
BY_PARTSIGHT = """
import os
os.environ["PARTSIGHT_RUNTIME"] = {runtime!r}
from partsight.inference.input_encoding import input_encoder
from partsight.image.normalization import Normalization
from partsight.inference.interpreter import Interpreter
interpreter = Interpreter(open(sys.argv[1], "rb").read())
picture = input_encoder(interpreter.input, Normalization())(picture)
invoke = interpreter.invoke
"""
AS_IT_COMES = """
from tflite_runtime.interpreter import Interpreter
native = Interpreter(sys.argv[1], num_threads=1)
native.allocate_tensors()
index = native.get_input_details()[0]["index"]
def invoke(picture):
    native.set_tensor(index, picture)
    native.invoke()
"""
MEASURE = """
def seconds():
    started = time.perf_counter()
    invoke(picture)
    return time.perf_counter() - started
for _ in range(5):
    seconds()
print(json.dumps([seconds() for _ in range(int(sys.argv[2]))]))
"""
VARIANTS = {
    "ai-edge-litert": BY_PARTSIGHT.format(runtime="litert"),
    "tflite-runtime, as partsight runs it": BY_PARTSIGHT.format(runtime="tflite-runtime"),
    "tflite-runtime, as it comes": AS_IT_COMES,
}


def measure(load_first_model: str, model: str, side: int = 224) -> list[float]:
    """Seconds of each of FRAMES invocations, in a fresh process."""
    program = PREPARE + load_first_model + MEASURE
    command = [sys.executable, "-c", program, model, str(FRAMES), str(side)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(value) for value in json.loads(done.stdout)]


def main(model: str) -> None:
    """Print one row per variant."""
    samples: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(ROUNDS):
        for name, load_first_model in VARIANTS.items():
            samples[name] += measure(load_first_model, model)
    medians = {name: statistics.median(values) for name, values in samples.items()}
    base = medians["ai-edge-litert"]
    for name, median in medians.items():
        sys.stdout.write(f"{name:40} {median * 1000:7.2f} ms  x{median / base:5.1f}\n")


if __name__ == "__main__":
    main(sys.argv[1])
