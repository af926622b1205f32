"""Fast scoring of settings on folds of cached features. Called by ``study``.

``learn`` gives the same scores, but takes 4 to 8 times as long per trial. Loss and penalty do not
change if the features are rotated. So the features of each fold are projected once onto the
directions in which its training pictures differ, at most one per picture. In these coordinates
the curvature of the loss is nearly diagonal and known in advance; scaled by its root, L-BFGS
needs a fraction of the iterations, on shorter vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.optimize import minimize

from partsight_train.data.training_data import TrainingData
from partsight_train.fit.cross_validation import Fold, divide
from partsight_train.fit.learn import learn
from partsight_train.heads.fit_head import scaling_of
from partsight_train.heads.head import Examples, Head, class_weights, predict
from partsight_train.heads.lbfgs import Objective, smoothed
from partsight_train.heads.temperature import calibrate
from partsight_train.settings import HeadSettings, TrainSettings

__all__ = ["ScoringData", "fold_scores", "rotate_folds"]

# More take too much memory for many pictures, and the remaining variance is small.
_MOST_DIRECTIONS = 1024
# Share of the largest variance; below it there is only rounding of float64.
_LEAST_VARIANCE = 1e-9
# p (1 - p) of two equally likely labels, as at the start; other values were slower when measured.
_CURVATURE = 0.25
_ITERATIONS = {"maxiter": 500, "gtol": 1e-5}


@dataclass(frozen=True, slots=True, eq=False)
class _RotatedFold:
    """Features of a fold along R directions of its training pictures, largest variance first.

    Attributes:
        train, validation, test: features float32 (n, R) with labels.
        variance: variance of ``train``, float64 (R,).
    """

    train: Examples
    validation: Examples
    test: Examples
    variance: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ScoringData:
    """Data on which all settings of one backbone and augmentation are scored.

    Joined backbones have separate heads, so their features are not rotated.
    """

    training_data: TrainingData
    folds: tuple[Fold, ...]
    rotated: tuple[_RotatedFold | None, ...]


def rotate_folds(training_data: TrainingData, count: int, settings: HeadSettings) -> ScoringData:
    """Divide the pictures into folds and rotate the features of each fold.

    Args:
        training_data: data without the test split.
        count: number of folds.
        settings: how to scale features.
    """
    folds = tuple(divide(training_data.dataset, count))
    joined = bool(training_data.backbone.blocks)
    rotated = (None if joined else _rotate(training_data, fold, settings) for fold in folds)
    return ScoringData(training_data, folds, tuple(rotated))


def fold_scores(
    data: ScoringData, settings: TrainSettings
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield the true labels int (n,) and the probabilities float64 (n, K) of each fold."""
    labels, count = data.training_data.examples.labels, len(data.training_data.dataset.labels)
    for fold, rotated in zip(data.folds, data.rotated, strict=True):
        if rotated is not None and settings.head.optimizer == "lbfgs":
            scores = predict(_fit(rotated, count, settings.head), rotated.test.features)
        else:
            trained = learn(data.training_data, fold.train, fold.validation, settings, None)
            scores = trained.scores(fold.test)
        yield labels[fold.test], scores


def _rotate(training_data: TrainingData, fold: Fold, settings: HeadSettings) -> _RotatedFold:
    training = training_data.training(fold.train)
    scaling = scaling_of(training.features, settings)
    features = ((training.features - scaling.mean) / scaling.scale).astype(np.float64)
    count, size = features.shape
    squared = features.T @ features if size <= count else features @ features.T
    first = max(0, len(squared) - _MOST_DIRECTIONS)
    values, vectors = scipy.linalg.eigh(squared, subset_by_index=[first, len(squared) - 1])
    strong = np.flatnonzero(values > _LEAST_VARIANCE * values[-1])[::-1]
    values, vectors = values[strong], vectors[:, strong]
    if size > count:  # from X X' = U S^2 U' to the directions X' U / S
        vectors = features.T @ vectors / np.sqrt(values)

    def rotate(examples: Examples) -> Examples:
        scaled = (examples.features - scaling.mean) / scaling.scale
        return Examples((scaled @ vectors).astype(np.float32), examples.labels)

    validation, test = (training_data.examples.take(rows) for rows in (fold.validation, fold.test))
    return _RotatedFold(rotate(training), rotate(validation), rotate(test), values / count)


def _fit(rotated: _RotatedFold, count: int, settings: HeadSettings) -> Head:
    """The calibrated head at the minimum of the loss, for rotated features."""
    train = rotated.train
    curvature = np.sqrt(_CURVATURE * rotated.variance + 2 * settings.l2)
    weights = np.ones(count)
    if settings.balance != "none":
        weights = np.array(list(class_weights(train.labels, count).values()))
    objective = Objective(
        train.features / curvature,
        smoothed(train.labels, count, settings.label_smoothing),
        weights[train.labels],
        settings.l2 / curvature[:, np.newaxis] ** 2,
    )
    start = np.zeros(count * (len(curvature) + 1))
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=_ITERATIONS)
    kernel, bias = objective.head(found.x)
    kernel = kernel / curvature[:, np.newaxis]
    head = Head(kernel.astype(np.float32), bias.astype(np.float32))
    return calibrate(head, rotated.validation)[0] if settings.temperature else head
