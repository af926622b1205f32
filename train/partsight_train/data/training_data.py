"""Training data: features and labels of all images, with what augmentation adds to them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.utils.progress import Progress, silent
from partsight_train.backbones.backbone import Backbone
from partsight_train.data.augmentation import seeded_variation
from partsight_train.data.calibration import choose_calibration
from partsight_train.data.dataset import Dataset, Split
from partsight_train.data.feature_cache import FeatureCache
from partsight_train.data.features import Features, compute_features
from partsight_train.heads.head import Examples
from partsight_train.settings import TrainSettings

__all__ = ["TrainingData", "Rows", "Stages", "gather"]

Rows = NDArray[np.intp]
# Name of a stage to the progress of its steps.
Stages = Callable[[str], Progress]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """All pictures with what is known of them.

    Attributes:
        dataset: N pictures and the names of their K labels.
        backbone: what computed the features.
        examples: features float32 (N, T * D) and labels int (N,), row by row the pictures.
        copies: features float32 (N, T * D) to learn from beside: of varied pictures, and of all
            as the backbone gives them in int8.
        bad: indices of the labels of bad parts; empty where nothing says which are good.
    """

    dataset: Dataset
    backbone: Backbone
    examples: Examples
    copies: tuple[NDArray[np.float32], ...]
    bad: tuple[int, ...]

    def training(self, rows: Rows) -> Examples:
        """The pictures of these rows and their copies."""
        features = [part[rows] for part in (self.examples.features, *self.copies)]
        labels = np.tile(self.examples.labels[rows], len(features))
        return Examples(np.concatenate(features), labels)


def gather(
    dataset: Dataset,
    backbone: Backbone,
    features: Features,
    bad: tuple[int, ...],
    settings: TrainSettings,
    cache: FeatureCache | None = None,
    *,
    stages: Stages = lambda stage: silent,
) -> TrainingData:
    """Bring together what there is to learn from.

    Args:
        dataset: N pictures, all of which can be read.
        backbone: what computes features.
        features: of each picture, as they are.
        bad: indices of the labels of bad parts.
        settings: say how many varied copies there are, how varied, and whether one is of int8.
        cache: of the features of copies; None keeps none.
        stages: told of each copy.
    """
    paths = [picture.path for picture in dataset.pictures]
    shape = (backbone.spec.height, backbone.spec.width, 3)
    compute = functools.partial(compute_features, digests=features.digests)
    parts = [features]
    for copy in range(settings.augment.copies if settings.augment.active else 0):
        augmentation = seeded_variation(settings.augment, shape, copy)
        progress = stages(f"varied copy {copy + 1}")
        parts.append(compute(paths, backbone, cache, progress, augmentation=augmentation))
    if settings.quantization_aware:
        chosen = choose_calibration(
            dataset.of(Split.TRAIN), backbone.spec, settings.calibration, settings.head.seed
        )
        progress = stages("features in int8")
        parts.append(compute(paths, backbone, cache, progress, calibration=chosen))
    labels = np.array([picture.label for picture in dataset.pictures], np.intp)
    exact, *copies = (np.stack([part.vectors[path] for path in paths]) for part in parts)
    return TrainingData(dataset, backbone, Examples(exact, labels), tuple(copies), bad)
