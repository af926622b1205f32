"""Cross-validation: every image is scored by a model that was trained without its part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from partsight.errors import DatasetError
from partsight.evaluation.metrics import classification_metrics, false_positives_at_recall
from partsight.utils.counts import counted
from partsight.utils.progress import silent
from partsight_train.data.dataset import Dataset, assign_folds
from partsight_train.data.training_data import RowIndices, Stages, TrainingData
from partsight_train.fit.learn import learn
from partsight_train.settings import TrainSettings

__all__ = ["Fold", "cross_validate", "divide", "require_parts"]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Row indices, int (n,): for training, for early stopping and calibration, for the test."""

    train: RowIndices
    validation: RowIndices
    test: RowIndices


def divide(dataset: Dataset, count: int) -> list[Fold]:
    """Return the folds; each uses half a fold of the other images for validation."""
    halves = assign_folds(dataset, 2 * count)
    folds = []
    for fold in range(count):
        test = np.flatnonzero(halves // 2 == fold)
        validation = np.flatnonzero(halves == 2 * ((fold + 1) % count))
        train = np.setdiff1d(np.arange(len(halves)), np.concatenate([test, validation]))
        folds.append(Fold(train, validation, test))
    return folds


def require_parts(dataset: Dataset, least: int, purpose: str, option: str) -> None:
    """Require a number of parts of each label; a part may have many images.

    Raises:
        DatasetError: a label has fewer parts.
    """
    for label, number in dataset.part_counts().items():
        if number < least:
            raise DatasetError(
                f"label {label} has {counted(number, 'part')}, expected {least} or more for "
                f"{purpose}. Images of one part stay together; add parts, or lower {option}."
            )


def cross_validate(
    training_data: TrainingData,
    settings: TrainSettings,
    count: int,
    strategy: Any,
    stages: Stages = lambda stage: silent,
) -> dict[str, Any]:
    """Train once per fold, each time without that fold, and score the fold.

    Half a fold of the remaining images is the validation split.

    Returns:
        ``folds``; ``accuracy_by_fold`` and ``auc_by_fold``; the figures of
        ``classification_metrics`` over all images, which rank the scores of separately
        calibrated models together; and ``false_rejects_at_target_recall``, the share of good
        parts below the threshold that finds ``settings.target_recall`` of the bad parts.

    Raises:
        DatasetError: a label has fewer parts than there are folds.
    """
    dataset, labels = training_data.dataset, training_data.examples.labels
    require_parts(dataset, count, f"{count} folds", "--cross-validate")
    scores = np.zeros((len(labels), len(dataset.labels)))
    by_fold = []
    for fold in stages("folds")(divide(dataset, count), count):
        model = learn(training_data, fold.train, fold.validation, settings, strategy)
        scores[fold.test] = model.scores(fold.test)
        by_fold.append(classification_metrics(dataset.labels, labels[fold.test], scores[fold.test]))
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
