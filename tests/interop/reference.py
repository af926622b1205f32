"""What partsight says of pictures, and the very pixels that it fed: what consumers must match.

usage: python reference.py MODEL PICTURES COUNT OUT.npz

Leaves ``pixels`` uint8 (N, H, W, 3) RGB, ``scores`` float64 (N, K) and ``labels`` (K,).
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np

from partsight import Classifier
from partsight.image.decode import decode
from partsight.image.preprocess import preprocess
from partsight.image_files.read import find_image_files


def main(model: str, pictures: str, count: str, output: str) -> None:
    classifier = Classifier.load(model)
    # Of every folder in turn, not the first hundred of one label.
    folders = [find_image_files([each]) for each in sorted(Path(pictures).iterdir())]
    mixed = [path for several in itertools.zip_longest(*folders) for path in several if path]
    pixels, scores = [], []
    for path in mixed[: int(count)]:
        picture = decode(path)
        pixels.append(preprocess(picture, classifier.contract.preprocess))
        (prediction,) = classifier.classify([picture])
        scores.append(list(prediction.scores.values()))
    labels = np.array(classifier.contract.labels)
    np.savez(output, pixels=np.array(pixels), scores=np.array(scores), labels=labels)


if __name__ == "__main__":
    main(*sys.argv[1:])
