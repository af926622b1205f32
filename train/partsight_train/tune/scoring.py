"""Fast scoring of settings on folds of cached features. Called by ``study``.

Every fold is fitted by ``learn``, as in training. L-BFGS from zero, its loss and its penalty
do not depend on a rotation of the features. So the features of each fold are projected once onto
the directions in which its training images differ, at most one per image. This makes each
trial several times as fast.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from partsight_train.data.training_data import TrainingData
from partsight_train.fit.cross_validation import Fold, divide
from partsight_train.fit.learn import learn
from partsight_train.heads.fit_head import scaling_of
from partsight_train.heads.head import Examples
from partsight_train.settings import HeadSettings, TrainSettings

__all__ = ["ScoringData", "fold_scores", "rotate_folds"]

# More directions take too much memory for many images, and the remaining variance is small.
_MOST_DIRECTIONS = 1024
# Share of the largest variance; variances below it are only rounding errors of float64.
_LEAST_VARIANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ScoringData:
    """Data on which all settings of one backbone and augmentation are scored.

    Attributes:
        training_data: the features as the backbone gives them.
        folds: rows of each fold.
        rotated: the scaled and rotated features of each fold; None for joined backbones, which
            have separate heads.
    """

    training_data: TrainingData
    folds: tuple[Fold, ...]
    rotated: tuple[TrainingData | None, ...]


def rotate_folds(training_data: TrainingData, count: int, settings: HeadSettings) -> ScoringData:
    """Divide the images into folds and rotate the features of each fold.

    Args:
        training_data: data without the test split.
        count: number of folds.
        settings: how to scale features.
    """
    folds = tuple(divide(training_data.dataset, count))
    joined = bool(training_data.backbone.blocks)
    rotated = (None if joined else _rotated(training_data, fold, settings) for fold in folds)
    return ScoringData(training_data, folds, tuple(rotated))


def fold_scores(
    data: ScoringData, settings: TrainSettings
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield the true labels int (n,) and the probabilities float64 (n, K) of each fold."""
    scaled = dataclasses.replace(
        settings, head=dataclasses.replace(settings.head, scale_features=False)
    )
    for fold, rotated in zip(data.folds, data.rotated, strict=True):
        if rotated is not None and settings.head.optimizer == "lbfgs":
            trained = learn(rotated, fold.train, fold.validation, scaled, None)
        else:
            trained = learn(data.training_data, fold.train, fold.validation, settings, None)
        yield data.training_data.examples.labels[fold.test], trained.scores(fold.test)


def _rotated(training_data: TrainingData, fold: Fold, settings: HeadSettings) -> TrainingData:
    """All features, scaled and projected onto the directions of the training images."""
    training = training_data.training(fold.train).features
    scaling = scaling_of(training, settings)
    directions = _directions(((training - scaling.mean) / scaling.scale).astype(np.float64))

    def rotate(features: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = (features - scaling.mean) / scaling.scale
        return np.asarray(scaled @ directions, np.float32)

    examples = Examples(rotate(training_data.examples.features), training_data.examples.labels)
    copies = tuple(rotate(copy) for copy in training_data.copies)
    return dataclasses.replace(training_data, examples=examples, copies=copies)


def _directions(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal directions (D, R) of features (n, D), largest variance first."""
    count, size = features.shape
    squared = features.T @ features if size <= count else features @ features.T
    first = max(0, len(squared) - _MOST_DIRECTIONS)
    values, vectors = scipy.linalg.eigh(squared, subset_by_index=[first, len(squared) - 1])
    strong = np.flatnonzero(values > _LEAST_VARIANCE * values[-1])[::-1]
    directions: NDArray[np.float64] = vectors[:, strong]
    if size > count:  # from X X' = U S^2 U' to the directions X' U / S
        directions = features.T @ directions / np.sqrt(values[strong])
    return directions
