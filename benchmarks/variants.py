"""Every variant of one model: size, agreement with the float model, milliseconds a frame.

    pip install -c constraints.txt '.[train]' tflite-runtime==2.14.0
    partsight train PICTURES -o RUN && partsight export RUN --all
    python benchmarks/variants.py RUN

Runtimes take turns, one thread each, in processes of their own; medians over all rounds.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import runtimes

from partsight.model.file import load_model_file

ROUNDS = 3
RUNTIMES = ("ai-edge-litert", "tflite-runtime, as partsight runs it")


def main(run: Path) -> None:
    """Print one row per variant, as Markdown."""
    float_accuracy = json.loads((run / "metrics.json").read_text())["test_accuracy"]
    print("| variant | file | accuracy | same label |", *(f"{name} |" for name in RUNTIMES))
    print("| --- " * (4 + len(RUNTIMES)) + "|")
    for path in sorted(run.glob("model-*.tflite")):
        contract = load_model_file(path).contract
        made, side = contract.provenance["export"], contract.preprocess.height
        seconds: dict[str, list[float]] = {name: [] for name in RUNTIMES}
        for _ in range(ROUNDS):
            for name in RUNTIMES:
                seconds[name] += runtimes.measure(runtimes.VARIANTS[name], str(path), side)
        accuracy = float_accuracy - made["parity"]["accuracy_loss"]
        print(
            f"| {made['variant']} | {path.stat().st_size / 1e6:.1f} MB | {accuracy:.4f} "
            f"| {made['parity']['agreement']:.2%} |",
            *(f"{1000 * statistics.median(seconds[name]):.1f} |" for name in RUNTIMES),
            flush=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
