"""From labelled pictures to a model that scores them: features, head, fine-tuning.

Enters: ``TrainingData``, everything that there is to learn from, and which of it to use.
Leaves: a ``TrainedModel`` model. ``train`` calls it once for the run, ``cross_validation`` once
a fold, so that both measure the same recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import DatasetError
from partsight.utils.progress import silent
from partsight_train.backbones.backbone import Backbone
from partsight_train.data.dataset import Dataset, assign_folds
from partsight_train.data.features import compute_features
from partsight_train.data.training_data import Rows, Stages, TrainingData, gather
from partsight_train.fit.fine_tune import fine_tune
from partsight_train.heads.fit_head import fit_head, scaling_of
from partsight_train.heads.head import Examples, Head, predict
from partsight_train.heads.temperature import calibrate
from partsight_train.network.tiles import telling_tiles, worst_tiles
from partsight_train.run.run_dir import FINE_TUNING
from partsight_train.settings import TrainSettings

__all__ = ["TrainedModel", "learn"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A model and how it came about.

    Attributes:
        backbone: frozen as it was, or fine-tuned.
        head: fits the backbone's features; calibrated.
        temperature: that the scores were softened by.
        dataset: the N pictures.
        examples: their features by this backbone, with their labels.
        bad: indices of the labels of bad parts.
        history: phase to its losses and accuracies, a row an epoch.
    """

    backbone: Backbone
    head: Head
    temperature: float
    dataset: Dataset
    examples: Examples
    bad: tuple[int, ...]
    history: Mapping[str, Sequence[Mapping[str, float]]]

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities, float64 (len(rows), K), of the worst tile."""
        return predict(self.head, worst_tiles(self.head, self.examples.features[rows], self.bad))


def learn(
    training_data: TrainingData,
    train: Rows,
    validation: Rows,
    settings: TrainSettings,
    strategy: Any,
    *,
    log_dir: Path | None = None,
    checkpoint_dir: Path | None = None,
    stages: Stages = lambda stage: silent,
) -> TrainedModel:
    """Fit the head, fine-tune if asked for and fit it again, and calibrate it.

    Args:
        training_data: see ``TrainingData``.
        train: rows to fit.
        validation: rows to stop and to calibrate by.
        settings: how.
        strategy: the ``tf.distribute`` strategy of fine-tuning.
        log_dir: where TensorBoard reads.
        checkpoint_dir: what a killed run goes on from.
        stages: told of what goes on.
    """

    def fit(by: TrainingData, stage: str) -> Any:
        count = len(by.dataset.labels)
        fitted, watched = by.training(train), by.examples.take(validation)
        if by.backbone.tiles != (1, 1):
            halves = np.resize(_halves(by.dataset, train), len(fitted.labels))
            fitted, watched = telling_tiles(
                fitted, halves, watched, by.backbone.tiles, count, by.bad
            )
        return fit_head(
            fitted,
            watched,
            count,
            settings.head,
            blocks=by.backbone.blocks,
            bad=by.bad,
            log_dir=None if log_dir is None else log_dir / stage,
            checkpoint_dir=checkpoint_dir,
            progress=stages(stage),
        )

    fitted = fit(training_data, "head")
    history = {"head": fitted.history}
    if settings.fine_tune.fine_tune != "none":
        pictures = training_data.dataset.pictures
        tuned = fine_tune(
            training_data.backbone,
            fitted.head,
            scaling_of(training_data.examples.features[train], settings.head),
            [pictures[row] for row in train],
            [pictures[row] for row in validation],
            settings,
            strategy,
            folder=None if checkpoint_dir is None else checkpoint_dir / FINE_TUNING,
            log_dir=None if log_dir is None else log_dir / "fine-tune",
            progress=stages("fine-tune"),
        )
        paths = [picture.path for picture in pictures]
        features = compute_features(paths, tuned.backbone, progress=stages("features"))
        training_data = gather(
            training_data.dataset,
            tuned.backbone,
            features,
            training_data.bad,
            settings,
            stages=stages,
        )
        fitted = fit(training_data, "head-again")
        history = {**history, "fine-tune": tuned.history, "head-again": fitted.history}
    head, temperature = fitted.head, 1.0
    if settings.head.temperature:
        watched = training_data.examples.take(validation)
        worst = worst_tiles(head, watched.features, training_data.bad)
        head, temperature = calibrate(head, Examples(worst, watched.labels))
    return TrainedModel(
        training_data.backbone,
        head,
        temperature,
        training_data.dataset,
        training_data.examples,
        training_data.bad,
        history,
    )


def _halves(dataset: Dataset, rows: Rows) -> NDArray[np.intp]:
    """0 or 1 for each of these rows, each part and half of each label in one of them.

    Raises:
        DatasetError: a label has one part only.
    """
    chosen = Dataset(dataset.labels, tuple(dataset.pictures[row] for row in rows))
    halves = assign_folds(chosen, 2)
    for index, label in enumerate(dataset.labels):
        here = [
            half for half, each in zip(halves, chosen.pictures, strict=True) if each.label == index
        ]
        if len(set(here)) < 2:
            raise DatasetError(
                f"label {label} has less than two parts to train on, and tiles take two, to choose "
                "each part's tile by the others. Add pictures."
            )
    return halves
