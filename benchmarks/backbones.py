"""One int8 frame of a classifier with each backbone, under each runtime, one thread.

    pip install -c constraints.txt '.[train]'
    python benchmarks/backbones.py [NAME...]

The networks have their real sizes and shapes. Those whose weights cannot be had without a
network are filled at random, which their time does not depend on. Ratios are to the first
row under ai-edge-litert; runtimes take turns, each in a process of its own.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import runtimes

from partsight_train.backbones.backbone import open_backbone
from partsight_train.conversion.convert import convert
from partsight_train.tensorflow_stack import keras

ROUNDS = 3
EMBEDDED = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
ARCHITECTURES = {
    "mobilenet-v3-small": ("MobileNetV3Small", 224),
    "mobilenet-v2": ("MobileNetV2", 224),
    "mobilenet-v3-large": ("MobileNetV3Large", 224),
    "nasnet-mobile": ("NASNetMobile", 224),
    "efficientnet-v2-b0": ("EfficientNetV2B0", 224),
    "resnet-v2-50": ("ResNet50V2", 224),
    "inception-v3": ("InceptionV3", 299),
    "nasnet-large": ("NASNetLarge", 331),
}
RUNTIMES = ("ai-edge-litert", "tflite-runtime, as partsight runs it")


def network(name: str) -> tuple[Any, int]:
    """A classifier of two labels from [0, 1], and the side of its input."""
    if name in EMBEDDED:
        backbone = open_backbone(name)
        side, features = backbone.spec.height, backbone.layer
    else:
        architecture, side = ARCHITECTURES[name]
        body = getattr(keras.applications, architecture)(
            include_top=False, weights=None, input_shape=(side, side, 3), pooling="avg"
        )

        def features(picture: Any) -> Any:
            return body(picture)

    picture = keras.Input((side, side, 3))
    return keras.Model(picture, keras.layers.Dense(2, "softmax")(features(picture))), side


def main(names: list[str]) -> None:
    """Print one row per backbone."""
    base = None
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            model, side = network(name)
            generator = np.random.default_rng(0)
            pictures = [generator.integers(0, 256, (side, side, 3), np.uint8) for _ in range(4)]
            file = Path(folder) / f"{name}.tflite"
            file.write_bytes(convert(model, (side, side, 3), "int8", pictures))
            seconds: dict[str, list[float]] = {runtime: [] for runtime in RUNTIMES}
            for _ in range(ROUNDS):
                for runtime in RUNTIMES:
                    opened = runtimes.VARIANTS[runtime]
                    seconds[runtime] += runtimes.measure(opened, str(file), side)
            medians = [statistics.median(seconds[runtime]) for runtime in RUNTIMES]
            base = base or medians[0]
            shown = "  ".join(f"{1000 * each:8.2f} ms x{each / base:5.1f}" for each in medians)
            print(f"{name:20} {file.stat().st_size / 1e6:6.1f} MB  {shown}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or [*EMBEDDED, *ARCHITECTURES])
