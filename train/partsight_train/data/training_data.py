"""Training data: features and labels of all images and of their augmented copies."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.utils.progress import Progress, silent
from partsight_train.backbones.backbone import Backbone
from partsight_train.data.augmentation import seeded_augmentation
from partsight_train.data.calibration import choose_calibration
from partsight_train.data.dataset import Dataset, Split
from partsight_train.data.feature_cache import FeatureCache
from partsight_train.data.features import Features, compute_features
from partsight_train.heads.head import Examples
from partsight_train.settings import TrainSettings

__all__ = ["RowIndices", "Stages", "TrainingData", "assemble_training_data"]

RowIndices = NDArray[np.intp]
# Function from the name of a stage to its progress.
Stages = Callable[[str], Progress]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """All images with their features.

    Attributes:
        dataset: N images and the names of their K labels.
        backbone: the feature extractor.
        examples: features float32 (N, T * D) and labels int (N,), in the order of the images.
        copies: additional features to train on, float32 (N, T * D): of augmented copies, and of
            the int8 backbone.
        bad: indices of the labels of bad parts; empty if the good labels are unknown.
    """

    dataset: Dataset
    backbone: Backbone
    examples: Examples
    copies: tuple[NDArray[np.float32], ...]
    bad: tuple[int, ...]

    def training(self, rows: RowIndices) -> Examples:
        """Return the examples of these rows and of their copies."""
        features = [each[rows] for each in (self.examples.features, *self.copies)]
        labels = np.tile(self.examples.labels[rows], len(features))
        return Examples(np.concatenate(features), labels)


def assemble_training_data(
    dataset: Dataset,
    backbone: Backbone,
    features: Features,
    bad: tuple[int, ...],
    settings: TrainSettings,
    cache: FeatureCache | None = None,
    *,
    stages: Stages = lambda stage: silent,
) -> TrainingData:
    """Combine the features of images and of their copies.

    Args:
        dataset: N images, all of which can be read.
        backbone: the feature extractor.
        features: features of each image without augmentation.
        bad: indices of the labels of bad parts.
        settings: number and strength of augmented copies, and whether to add an int8 copy.
        cache: cache of the features of copies; None keeps none.
        stages: reports the progress of each copy.
    """
    paths = [image.path for image in dataset.images]
    shape = (backbone.spec.height, backbone.spec.width, 3)
    compute = functools.partial(compute_features, digests=features.digests)
    variants = [features]
    for copy in range(settings.augment.copies if settings.augment.active else 0):
        augmentation = seeded_augmentation(settings.augment, shape, copy)
        progress = stages(f"augmented copy {copy + 1}")
        variants.append(compute(paths, backbone, cache, progress, augmentation=augmentation))
    if settings.quantization_aware:
        chosen = choose_calibration(
            dataset.of(Split.TRAIN), backbone.spec, settings.calibration, settings.head.seed
        )
        progress = stages("features in int8")
        variants.append(compute(paths, backbone, cache, progress, calibration=chosen))
    labels = np.array([image.label for image in dataset.images], np.intp)
    exact, *copies = (np.stack([each.vectors[path] for path in paths]) for each in variants)
    return TrainingData(dataset, backbone, Examples(exact, labels), tuple(copies), bad)
