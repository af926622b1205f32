"""Training of a model from labelled images: head, fine-tuning, calibration.

A run calls ``learn`` once, cross-validation once per fold, so that both measure the same procedure.
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
from partsight_train.data.training_data import (
    RowIndices,
    Stages,
    TrainingData,
    assemble_training_data,
)
from partsight_train.fit.fine_tune import FineTunedBackbone, fine_tune
from partsight_train.heads.fit_head import FittedHead, fit_head, scaling_of
from partsight_train.heads.head import Examples, Head, predict
from partsight_train.heads.temperature import calibrate
from partsight_train.network.tiles import select_tiles, worst_tiles
from partsight_train.run.run_dir import FINE_TUNING
from partsight_train.settings import TrainSettings

__all__ = ["TrainedModel", "learn"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A model and how it was trained.

    Attributes:
        backbone: frozen, or fine-tuned.
        head: calibrated head for the backbone's features, kernel (D, K).
        temperature: divisor of the logits, at least 1.
        dataset: the N images.
        examples: features float32 (N, T * D) by this backbone, with labels int (N,).
        bad: indices of the labels of bad parts.
        history: training phase to its losses and accuracies, one row per epoch.
    """

    backbone: Backbone
    head: Head
    temperature: float
    dataset: Dataset
    examples: Examples
    bad: tuple[int, ...]
    history: Mapping[str, Sequence[Mapping[str, float]]]

    def scores(self, rows: RowIndices) -> NDArray[np.float64]:
        """Return probabilities, float64 (len(rows), K), of each image's worst tile."""
        return predict(self.head, worst_tiles(self.head, self.examples.features[rows], self.bad))


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """The arguments of ``learn`` that all its steps share."""

    train: RowIndices
    validation: RowIndices
    settings: TrainSettings
    log_dir: Path | None
    checkpoint_dir: Path | None
    stages: Stages


def learn(
    training_data: TrainingData,
    train: RowIndices,
    validation: RowIndices,
    settings: TrainSettings,
    strategy: Any,
    *,
    log_dir: Path | None = None,
    checkpoint_dir: Path | None = None,
    stages: Stages = lambda stage: silent,
) -> TrainedModel:
    """Fit the head; fine-tune the backbone and fit the head again, if set; calibrate the head.

    Args:
        training_data: features and labels.
        train: rows to fit.
        validation: rows for early stopping and calibration.
        settings: the settings of the run.
        strategy: the ``tf.distribute`` strategy for fine-tuning.
        log_dir: folder for TensorBoard.
        checkpoint_dir: folder for the state from which a killed run continues.
        stages: reports the progress of each stage.
    """
    job = _Job(train, validation, settings, log_dir, checkpoint_dir, stages)
    first = _fit_head(training_data, job, "head")
    if settings.fine_tune.fine_tune == "none":
        return _trained_model(training_data, first.head, job, {"head": first.history})
    tuned = _fine_tune(training_data, first.head, job, strategy)
    tuned_data = _with_backbone(training_data, tuned.backbone, job)
    second = _fit_head(tuned_data, job, "head-again")
    history = {
        "head": first.history,
        "fine-tune": tuned.history,
        "head-again": second.history,
    }
    return _trained_model(tuned_data, second.head, job, history)


def _fit_head(training_data: TrainingData, job: _Job, stage: str) -> FittedHead:
    backbone, bad = training_data.backbone, training_data.bad
    count = len(training_data.dataset.labels)
    train = training_data.training(job.train)
    validation = training_data.examples.take(job.validation)
    if backbone.tiles != (1, 1):
        halves = np.resize(_halves(training_data.dataset, job.train), len(train.labels))
        train, validation = select_tiles(train, halves, validation, backbone.tiles, count, bad)
    return fit_head(
        train,
        validation,
        count,
        job.settings.head,
        blocks=backbone.blocks,
        bad=bad,
        log_dir=None if job.log_dir is None else job.log_dir / stage,
        checkpoint_dir=job.checkpoint_dir,
        progress=job.stages(stage),
    )


def _fine_tune(
    training_data: TrainingData, head: Head, job: _Job, strategy: Any
) -> FineTunedBackbone:
    images = training_data.dataset.images
    return fine_tune(
        training_data.backbone,
        head,
        scaling_of(training_data.examples.features[job.train], job.settings.head),
        [images[row] for row in job.train],
        [images[row] for row in job.validation],
        job.settings,
        strategy,
        folder=None if job.checkpoint_dir is None else job.checkpoint_dir / FINE_TUNING,
        log_dir=None if job.log_dir is None else job.log_dir / "fine-tune",
        progress=job.stages("fine-tune"),
    )


def _with_backbone(training_data: TrainingData, backbone: Backbone, job: _Job) -> TrainingData:
    """Compute all features again, by another backbone."""
    dataset, bad = training_data.dataset, training_data.bad
    paths = [image.path for image in dataset.images]
    features = compute_features(paths, backbone, progress=job.stages("features"))
    return assemble_training_data(dataset, backbone, features, bad, job.settings, stages=job.stages)


def _trained_model(
    training_data: TrainingData,
    head: Head,
    job: _Job,
    history: Mapping[str, Sequence[Mapping[str, float]]],
) -> TrainedModel:
    """Calibrate the head on the validation split."""
    validation = training_data.examples.take(job.validation)
    worst = worst_tiles(head, validation.features, training_data.bad)
    calibrated, temperature = calibrate(head, Examples(worst, validation.labels))
    return TrainedModel(
        training_data.backbone,
        calibrated,
        temperature,
        training_data.dataset,
        training_data.examples,
        training_data.bad,
        history,
    )


def _halves(dataset: Dataset, rows: RowIndices) -> NDArray[np.intp]:
    """Return 0 or 1 for each row; a part is in one half, and each label in both.

    Raises:
        DatasetError: a label has only one part.
    """
    chosen = Dataset(dataset.labels, tuple(dataset.images[row] for row in rows))
    halves = assign_folds(chosen, 2)
    for index, label in enumerate(dataset.labels):
        here = [
            half for half, each in zip(halves, chosen.images, strict=True) if each.label == index
        ]
        if len(set(here)) < 2:
            raise DatasetError(
                f"label {label} has fewer than two parts to train on. Tiles need two, because the "
                "tiles of one part are chosen by a model that was trained on other parts. Add "
                "images of other parts, or train without --tiles."
            )
    return halves
