"""OpenVINO on a partsight model.

usage: python with_openvino.py MODEL REFERENCE.npz TOLERANCE
"""

from __future__ import annotations

import sys

import numpy as np
import openvino
from agreement import require


def main(model: str, reference: str, tolerance: str) -> None:
    expected = np.load(reference)
    # Else it computes in bfloat16 where the processor has that.
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    taken, given = compiled.input(0).element_type, compiled.output(0).element_type
    rows = []
    for picture in expected["pixels"]:
        fed = picture if taken == openvino.Type.u8 else picture.astype(np.float32) / 255
        raw = compiled(fed[np.newaxis])[compiled.output(0)][0].astype(np.float64)
        # Of a uint8 softmax, TFLite fixes the scale at 1/256.
        rows.append(raw / 256 if given == openvino.Type.u8 else raw)
    require("OpenVINO", np.array(rows), expected["scores"], float(tolerance))


if __name__ == "__main__":
    main(*sys.argv[1:])
