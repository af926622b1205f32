"""Selection of the golden samples of a file."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from partsight.image.decode import decode
from partsight.image.resize import shrink
from partsight.inference.classifier import Classifier
from partsight.model.contract import GoldenSample
from partsight.qualification.golden import MAX_BYTES
from partsight.utils.opencv import cv2
from partsight_train.data.dataset import LabelledImage

__all__ = ["golden_samples"]

_PER_LABEL = 2
_MOST_SAMPLES = 8
_LONGEST_SIDE = 128


def golden_samples(
    classifier: Classifier, images: Sequence[LabelledImage], seed: int
) -> tuple[tuple[GoldenSample, ...], dict[str, bytes]]:
    """Select some images of each label, shrunk, with the scores that the file gives them.

    Args:
        classifier: classifier of the file, with its contract.
        images: the test split; all can be decoded.
        seed: seed of the random selection.

    Returns:
        The samples, and their PNG files by name, the members of the zip tail.
    """
    samples, members = [], {}
    depth = classifier.contract.preprocess.bit_depth
    for number, image in enumerate(_chosen(images, seed)):
        small = shrink(decode(image.path, bit_depth=depth), _LONGEST_SIDE)
        data = cv2.imencode(".png", small)[1].tobytes()
        if len(data) > MAX_BYTES:
            continue
        (prediction,) = classifier.classify([decode(data)])
        name = f"golden/{number}.png"
        label = classifier.contract.labels[image.label]
        samples.append(GoldenSample(name, label, tuple(prediction.scores.values())))
        members[name] = data
    return tuple(samples), members


def _chosen(images: Sequence[LabelledImage], seed: int) -> Iterator[LabelledImage]:
    shuffled = random.Random(seed).sample(list(images), len(images))
    labels = sorted({image.label for image in images})[: _MOST_SAMPLES // _PER_LABEL]
    for label in labels:
        yield from [image for image in shuffled if image.label == label][:_PER_LABEL]
