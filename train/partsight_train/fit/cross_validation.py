"""The recipe measured on every picture, each judged by a model that never saw its part.

Enters: ``TrainingData`` and settings. Leaves: out-of-fold scores and their figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from partsight.errors import DatasetError
from partsight.evaluation.metrics import classification_metrics, false_positives_at_recall
from partsight.utils.progress import silent
from partsight_train.data.dataset import Dataset, assign_folds
from partsight_train.data.training_data import Rows, Stages, TrainingData
from partsight_train.fit.learn import learn
from partsight_train.settings import TrainSettings

__all__ = ["Fold", "cross_validate", "divide", "require_parts"]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Rows to fit, to stop and calibrate by, and to be judged."""

    train: Rows
    validation: Rows
    test: Rows


def divide(dataset: Dataset, count: int) -> list[Fold]:
    """The folds, each with half a fold's worth of the other pictures for validation."""
    halves = assign_folds(dataset, 2 * count)
    folds = []
    for fold in range(count):
        test = np.flatnonzero(halves // 2 == fold)
        validation = np.flatnonzero(halves == 2 * ((fold + 1) % count))
        train = np.setdiff1d(np.arange(len(halves)), np.concatenate([test, validation]))
        folds.append(Fold(train, validation, test))
    return folds


def require_parts(dataset: Dataset, least: int, purpose: str, option: str) -> None:
    """See that each label has enough parts, of which pictures may be many.

    Raises:
        DatasetError: one has fewer.
    """
    for label, number in dataset.part_counts().items():
        if number < least:
            raise DatasetError(
                f"label {label} has {number} parts, expected {least} or more for {purpose}. "
                f"Pictures of one part stay together; add parts, or lower {option}."
            )


def cross_validate(
    training_data: TrainingData,
    settings: TrainSettings,
    count: int,
    strategy: Any,
    stages: Stages = lambda stage: silent,
) -> dict[str, Any]:
    """Learn as often as there are folds, each time without one, and score that one.

    Half a fold's worth of the pictures that are learned from is the validation split.

    Returns:
        ``folds``; ``accuracy_by_fold`` and ``auc_by_fold``; the figures of
        ``classification_metrics`` over all pictures, where scores of models that were each
        calibrated for themselves are ranked together; and ``false_rejects_at_target_recall``,
        the share of good parts that a threshold over all of them costs that finds
        ``settings.target_recall`` of the bad.

    Raises:
        DatasetError: a label with fewer parts than folds.
    """
    dataset, labels = training_data.dataset, training_data.examples.labels
    require_parts(dataset, count, f"{count} folds", "--cross-validate")
    scores = np.zeros((len(labels), len(dataset.labels)))
    by_fold = []
    for fold in stages("folds")(divide(dataset, count), count):
        test = fold.test
        scores[test] = learn(training_data, fold.train, fold.validation, settings, strategy).scores(
            test
        )
        by_fold.append(classification_metrics(dataset.labels, labels[test], scores[test]))
    bad = list(training_data.bad)
    return {
        "folds": count,
        **{
            f"{figure}_by_fold": [fold.get(figure) for fold in by_fold]
            for figure in ("accuracy", "auc")
        },
        **classification_metrics(dataset.labels, labels, scores),
        "false_rejects_at_target_recall": false_positives_at_recall(
            np.isin(labels, bad), scores[:, bad].sum(axis=1), settings.target_recall
        ),
    }
