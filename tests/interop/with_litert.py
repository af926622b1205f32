"""ai-edge-litert's own interpreter on a partsight model, by TFLite's rules alone.

usage: python with_litert.py MODEL REFERENCE.npz TOLERANCE
"""

from __future__ import annotations

import sys

import numpy as np
from agreement import require
from ai_edge_litert.interpreter import Interpreter


def main(model: str, reference: str, tolerance: str) -> None:
    expected = np.load(reference)
    interpreter = Interpreter(model_path=model)
    interpreter.allocate_tensors()
    (taken,), (given, *_) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for picture in expected["pixels"]:
        fed = (
            picture if taken["dtype"] == np.uint8 else picture.astype(np.float32) / np.float32(255)
        )
        interpreter.set_tensor(taken["index"], fed[np.newaxis])
        interpreter.invoke()
        raw = interpreter.get_tensor(given["index"])[0].astype(np.float64)
        scale, zero_point = given["quantization"]
        rows.append(scale * (raw - zero_point) if scale else raw)
    require("ai-edge-litert", np.array(rows), expected["scores"], float(tolerance))


if __name__ == "__main__":
    main(*sys.argv[1:])
