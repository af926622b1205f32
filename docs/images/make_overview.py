"""Draw docs/images/overview.jpg: a good part, a bad part, and the bad part's heat map.

partsight demo
partsight export partsight-demo/run --quantize int8 --heatmap
python docs/images/make_overview.py partsight-demo/run/model-int8-heatmap.tflite
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from partsight import Classifier
from partsight.image.overlay import overlay
from partsight.sample_data import render_part

# Sample parts that the demo's model did not train on: the demo renders seed 0.
SEED = 3
INDEX = 4
WIDTH = 420
CAPTION_HEIGHT = 34
COLOURS_BGR = {"accept": (90, 150, 40), "reject": (60, 50, 200), "review": (30, 140, 220)}
QUALITY = 85


def main(model: str) -> None:
    """Classify one healthy and one defected part and draw them side by side."""
    classifier = Classifier.load(model)
    panels = []
    for label in ("healthy", "defected"):
        part_bgr = render_part(label, INDEX, SEED)
        (prediction,) = classifier.classify([part_bgr])
        verdict = str(classifier.decide(prediction))
        text = f"{verdict}: {prediction.label} {prediction.score:.2f}"
        panels.append(panel(part_bgr, text, COLOURS_BGR[verdict]))
    assert prediction.heatmap is not None
    coloured = overlay(part_bgr, prediction.heatmap, classifier.contract.preprocess)
    panels.append(panel(coloured, "heat map", COLOURS_BGR[verdict]))
    output = Path(__file__).with_name("overview.jpg")
    cv2.imwrite(str(output), np.hstack(panels), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def panel(
    image_bgr: NDArray[np.uint8], text: str, colour_bgr: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """The image, WIDTH pixels wide, above a caption on a bar of the colour."""
    height = round(WIDTH * image_bgr.shape[0] / image_bgr.shape[1])
    small = cv2.resize(image_bgr, (WIDTH, height), interpolation=cv2.INTER_AREA)
    bar = np.full((CAPTION_HEIGHT, WIDTH, 3), colour_bgr, np.uint8)
    cv2.putText(
        bar, text, (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.65, (255, 255, 255), 1, cv2.LINE_AA
    )
    return np.vstack([small, bar])


if __name__ == "__main__":
    main(sys.argv[1])
