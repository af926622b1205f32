"""The choice of a file's golden samples."""

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

_A_LABEL = 2
_MOST = 8
_LONGEST_SIDE = 128


def golden_samples(
    classifier: Classifier, pictures: Sequence[LabelledImage], seed: int
) -> tuple[tuple[GoldenSample, ...], dict[str, bytes]]:
    """Take some pictures of each label, made small, with the scores that the file gives them.

    Args:
        classifier: of the file, with its contract.
        pictures: of the test split; all can be decoded.
        seed: of the choice.

    Returns:
        Samples, and the members of the zip tail that hold their pictures.
    """
    samples, members = [], {}
    depth = classifier.contract.preprocess.bit_depth
    for number, picture in enumerate(_chosen(pictures, seed)):
        small = shrink(decode(picture.path, bit_depth=depth), _LONGEST_SIDE)
        data = cv2.imencode(".png", small)[1].tobytes()
        if len(data) > MAX_BYTES:
            continue
        (prediction,) = classifier.classify([decode(data)])
        name = f"golden/{number}.png"
        label = classifier.contract.labels[picture.label]
        samples.append(GoldenSample(name, label, tuple(prediction.scores.values())))
        members[name] = data
    return tuple(samples), members


def _chosen(pictures: Sequence[LabelledImage], seed: int) -> Iterator[LabelledImage]:
    shuffled = random.Random(seed).sample(list(pictures), len(pictures))
    labels = sorted({picture.label for picture in pictures})[: _MOST // _A_LABEL]
    for label in labels:
        yield from [picture for picture in shuffled if picture.label == label][:_A_LABEL]
