"""The pictures that the ranges of a quantized network are taken from."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.pictures import read_pictures
from partsight.preprocess import preprocess
from partsight.preprocess_spec import PreprocessSpec
from partsight_train.dataset import LabelledPicture

__all__ = ["calibration_pictures", "representative"]


def calibration_pictures(
    pictures: Sequence[LabelledPicture], spec: PreprocessSpec, count: int, seed: int
) -> list[NDArray[np.uint8]]:
    """Choose training pictures at random, none twice, and of each label as many as there are.

    What is rare on the line, a defect, must not be rare here: activations that only it causes
    would be cut off.

    Args:
        pictures: of the training split.
        spec: the preprocessing of the network.
        count: at most so many.
        seed: of the choice.

    Returns:
        Pictures as the network is fed them, uint8 (H, W, 3) RGB.
    """
    generator = random.Random(seed)
    by_label: dict[int, list[LabelledPicture]] = {}
    for picture in generator.sample(list(pictures), len(pictures)):
        by_label.setdefault(picture.label, []).append(picture)
    dealt = itertools.chain.from_iterable(itertools.zip_longest(*by_label.values()))
    chosen = [picture.path for picture in dealt if picture is not None][:count]
    decoded = (picture for _, picture in read_pictures(chosen, spec))
    return [preprocess(picture, spec) for picture in decoded if isinstance(picture, np.ndarray)]


def representative(calibration: Sequence[NDArray[np.uint8]]) -> Iterator[list[Any]]:
    """Calibration pictures as TFLite's converter takes them."""
    for picture in calibration:
        yield [picture.astype(np.float32)[np.newaxis] / np.float32(255)]
