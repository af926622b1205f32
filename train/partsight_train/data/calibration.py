"""The training images that set the ranges of a quantized network."""

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
    """Chosen training images.

    Attributes:
        paths: image files without repetition.
        spec: preprocessing of the network.
    """

    paths: tuple[Path, ...]
    spec: PreprocessSpec

    def images(self) -> list[NDArray[np.uint8]]:
        """Return the readable images after preprocessing, uint8 (H, W, 3) RGB."""
        decoded = (image for _, image in read_images(self.paths, self.spec))
        return [preprocess(image, self.spec) for image in decoded if isinstance(image, np.ndarray)]

    def identity(self, digests: Mapping[Path, bytes]) -> bytes:
        """Return SHA-256 over the SHA-256 of the files, in their order."""
        return hashlib.sha256(b"".join(digests[path] for path in self.paths)).digest()


def choose_calibration(
    images: Sequence[LabelledImage], spec: PreprocessSpec, count: int, seed: int
) -> Calibration:
    """Choose training images at random, the same number for each label as far as possible.

    Defects are rare on the line but must not be rare here: activations that only a defect causes
    would be clipped.

    Args:
        images: images of the training split.
        spec: preprocessing of the network.
        count: largest number of images, at least 1.
        seed: seed of the choice.
    """
    generator = random.Random(seed)
    by_label: dict[int, list[LabelledImage]] = {}
    for image in generator.sample(list(images), len(images)):
        by_label.setdefault(image.label, []).append(image)
    dealt = itertools.chain.from_iterable(itertools.zip_longest(*by_label.values()))
    chosen = [image.path for image in dealt if image is not None]
    return Calibration(tuple(chosen[:count]), spec)
