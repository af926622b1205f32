"""Settings scored on folds of cached features, as fast as it goes.

Enters: ``TrainingData`` without its test split. Leaves: the measure of each fold. Called by
``study``.

``learn`` would do. But what L-BFGS needs again and again is the same for all settings of
a fold, so it is computed once: the loss and its penalty do not change when the features
are rotated, so that they are put onto the directions in which the training pictures
differ, at most as many as there are pictures. In these, the curvature of the loss is
nearly diagonal and known beforehand; scaled by its root, the minimum is found in a
fraction of the iterations.
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

__all__ = ["Bench", "fold_scores", "set_up"]

# More would not fit where there are many pictures; beyond them pictures hardly differ.
_MOST_DIRECTIONS = 1024
# Of the largest variance; below it there is only the rounding of float64.
_LEAST_VARIANCE = 1e-9
# p (1 - p) of two equally likely labels, as at the start; measured, others take longer.
_CURVATURE = 0.25
_ITERATIONS = {"maxiter": 500, "gtol": 1e-5}


@dataclass(frozen=True, slots=True, eq=False)
class _Turned:
    """A fold's features by the directions of its training pictures, most spread first.

    Attributes:
        train, validation, test: float32 (n, R) features with labels.
        variance: float64 (R,), of ``train``.
    """

    train: Examples
    validation: Examples
    test: Examples
    variance: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """All that settings of one backbone and variation are scored on.

    Joined backbones have a head each, and so no directions in common: nothing is turned for them.
    """

    training_data: TrainingData
    folds: tuple[Fold, ...]
    turned: tuple[_Turned | None, ...]


def set_up(training_data: TrainingData, count: int, settings: HeadSettings) -> Bench:
    """Divide the pictures into folds and turn the features of each.

    Args:
        training_data: without the pictures of the test split.
        count: folds.
        settings: say how features are scaled.
    """
    folds = tuple(divide(training_data.dataset, count))
    joined = bool(training_data.backbone.blocks)
    turned = (None if joined else _turn(training_data, fold, settings) for fold in folds)
    return Bench(training_data, folds, tuple(turned))


def fold_scores(
    bench: Bench, settings: TrainSettings
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Fold by fold the true labels int (n,) and the probabilities float64 (n, K)."""
    labels, count = bench.training_data.examples.labels, len(bench.training_data.dataset.labels)
    for fold, turned in zip(bench.folds, bench.turned, strict=True):
        if turned is not None and settings.head.optimizer == "lbfgs":
            scores = predict(_fit(turned, count, settings.head), turned.test.features)
        else:
            learned = learn(bench.training_data, fold.train, fold.validation, settings, None)
            scores = learned.scores(fold.test)
        yield labels[fold.test], scores


def _turn(training_data: TrainingData, fold: Fold, settings: HeadSettings) -> _Turned:
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

    def turn(part: Examples) -> Examples:
        scaled = (part.features - scaling.mean) / scaling.scale
        return Examples((scaled @ vectors).astype(np.float32), part.labels)

    validation, test = (training_data.examples.take(rows) for rows in (fold.validation, fold.test))
    return _Turned(turn(training), turn(validation), turn(test), values / count)


def _fit(turned: _Turned, count: int, settings: HeadSettings) -> Head:
    """The calibrated head at the minimum, for turned features."""
    train = turned.train
    curvature = np.sqrt(_CURVATURE * turned.variance + 2 * settings.l2)
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
    return calibrate(head, turned.validation)[0] if settings.temperature else head
