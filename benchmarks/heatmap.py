"""What the class activation map costs: one model with and without it, frame by frame in turns.

    pip install -c constraints.txt '.[train]'
    python benchmarks/heatmap.py PICTURES

PICTURES has a folder a label, such as 'partsight sample-data' writes. A model is trained on
it, exported twice, and both files judge its pictures in one process on one thread, from the decoded
picture to scores and map. Each frame meets both at once, in an order that changes; the ratio is
the median of the frames' own, so that a drift of the machine's speed meets both alike.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from partsight import Classifier
from partsight.image_files.read import find_image_files, read_images
from partsight_train.export.export import export
from partsight_train.export.gate import Limits
from partsight_train.settings import TrainSettings
from partsight_train.train import train

FRAMES = 1000
WANTED = 1.05
# The measurement does not depend on which file decides.
ANY = Limits(accuracy_loss=1, recall_loss=1, agreement=0)


def main(pictures: Path) -> None:
    """Print the median milliseconds of a frame, and the median ratio."""
    with tempfile.TemporaryDirectory() as folder:
        run, mapped = Path(folder, "run"), Path(folder, "heatmap.tflite")
        delivered = train(pictures, run, TrainSettings()).model
        export(run, ["int8"], mapped, ANY, heatmap=True)
        models = {
            "without": Classifier.load(delivered),
            "with the map": Classifier.load(mapped),
        }
    spec = models["without"].contract.preprocess
    decoded = [image for _, image in read_images(find_image_files([pictures])[:20], spec)]
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number in range(FRAMES):
        frame = decoded[number % len(decoded)]
        for name in sorted(models, reverse=bool(number % 2)):
            started = time.perf_counter()
            models[name].classify([frame])
            seconds[name].append(time.perf_counter() - started)
    for name, values in seconds.items():
        ratios = [a / b for a, b in zip(values, seconds["without"], strict=True)]
        median = 1000 * statistics.median(values)
        print(f"{name:14} {median:6.2f} ms  x{statistics.median(ratios):.3f}")
    print(f"wanted: below x{WANTED}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
