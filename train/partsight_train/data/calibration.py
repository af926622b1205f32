"""The pictures that the ranges of a quantized network are taken from."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec
from partsight.image_files.read import read_images
from partsight_train.data.dataset import LabelledImage

__all__ = ["Calibration", "choose_calibration"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A choice of training pictures.

    Attributes:
        paths: their files, none twice.
        spec: the preprocessing of the network.
    """

    paths: tuple[Path, ...]
    spec: PreprocessSpec

    def pictures(self) -> list[NDArray[np.uint8]]:
        """They, as the network is fed them, uint8 (H, W, 3) RGB; without what cannot be read."""
        decoded = (picture for _, picture in read_images(self.paths, self.spec))
        return [
            preprocess(picture, self.spec) for picture in decoded if isinstance(picture, np.ndarray)
        ]

    def identity(self, digests: Mapping[Path, bytes]) -> bytes:
        """SHA-256 over the SHA-256 of the files, in their order."""
        return hashlib.sha256(b"".join(digests[path] for path in self.paths)).digest()


def choose_calibration(
    pictures: Sequence[LabelledImage], spec: PreprocessSpec, count: int, seed: int
) -> Calibration:
    """Choose training pictures at random, of each label as many while there are any.

    What is rare on the line, a defect, must not be rare here: activations that only it causes
    would be cut off.

    Args:
        pictures: of the training split.
        spec: the preprocessing of the network.
        count: at most so many.
        seed: of the choice.
    """
    generator = random.Random(seed)
    by_label: dict[int, list[LabelledImage]] = {}
    for picture in generator.sample(list(pictures), len(pictures)):
        by_label.setdefault(picture.label, []).append(picture)
    dealt = itertools.chain.from_iterable(itertools.zip_longest(*by_label.values()))
    chosen = [picture.path for picture in dealt if picture is not None]
    return Calibration(tuple(chosen[:count]), spec)
