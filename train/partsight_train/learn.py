"""From labelled pictures to a model that scores them: features, head, fine-tuning.

Enters: ``Material``, everything that there is to learn from, and which of it to use.
Leaves: a ``Learned`` model. ``train`` calls it once for the run, ``cross_validation`` once
a fold, so that both measure the same recipe.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import DatasetError
from partsight.progress import Progress, silent
from partsight_train.augment import seeded_variation
from partsight_train.backbones.backbone import Backbone
from partsight_train.cache import FeatureCache
from partsight_train.dataset import Dataset, Split, assign_folds
from partsight_train.export.calibration import choose_calibration
from partsight_train.features import Features, compute_features
from partsight_train.finetune import fine_tune
from partsight_train.heads.fit_head import fit_head, scaling_of
from partsight_train.heads.head import Examples, Head, predict
from partsight_train.heads.temperature import calibrate
from partsight_train.run_dir import FINE_TUNING
from partsight_train.settings import TrainSettings
from partsight_train.tiles import telling_tiles, worst_tiles

__all__ = ["Learned", "Material", "Rows", "Stages", "gather", "learn"]

Rows = NDArray[np.intp]
# Name of a stage to the progress of its steps.
Stages = Callable[[str], Progress]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
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


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
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
    material: Material,
    train: Rows,
    validation: Rows,
    settings: TrainSettings,
    strategy: Any,
    *,
    log_dir: Path | None = None,
    checkpoint_dir: Path | None = None,
    stages: Stages = lambda stage: silent,
) -> Learned:
    """Fit the head, fine-tune if asked for and fit it again, and calibrate it.

    Args:
        material: see ``Material``.
        train: rows to fit.
        validation: rows to stop and to calibrate by.
        settings: how.
        strategy: the ``tf.distribute`` strategy of fine-tuning.
        log_dir: where TensorBoard reads.
        checkpoint_dir: what a killed run goes on from.
        stages: told of what goes on.
    """

    def fit(by: Material, stage: str) -> Any:
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

    fitted = fit(material, "head")
    history = {"head": fitted.history}
    if settings.fine_tune.fine_tune != "none":
        pictures = material.dataset.pictures
        tuned = fine_tune(
            material.backbone,
            fitted.head,
            scaling_of(material.examples.features[train], settings.head),
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
        material = gather(
            material.dataset, tuned.backbone, features, material.bad, settings, stages=stages
        )
        fitted = fit(material, "head-again")
        history = {**history, "fine-tune": tuned.history, "head-again": fitted.history}
    head, temperature = fitted.head, 1.0
    if settings.head.temperature:
        watched = material.examples.take(validation)
        worst = worst_tiles(head, watched.features, material.bad)
        head, temperature = calibrate(head, Examples(worst, watched.labels))
    return Learned(
        material.backbone,
        head,
        temperature,
        material.dataset,
        material.examples,
        material.bad,
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


def gather(
    dataset: Dataset,
    backbone: Backbone,
    features: Features,
    bad: tuple[int, ...],
    settings: TrainSettings,
    cache: FeatureCache | None = None,
    *,
    stages: Stages = lambda stage: silent,
) -> Material:
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
        variation = seeded_variation(settings.augment, shape, copy)
        progress = stages(f"varied copy {copy + 1}")
        parts.append(compute(paths, backbone, cache, progress, variation=variation))
    if settings.quantization_aware:
        chosen = choose_calibration(
            dataset.of(Split.TRAIN), backbone.spec, settings.calibration, settings.head.seed
        )
        progress = stages("features in int8")
        parts.append(compute(paths, backbone, cache, progress, calibration=chosen))
    labels = np.array([picture.label for picture in dataset.pictures], np.intp)
    exact, *copies = (np.stack([part.vectors[path] for path in paths]) for part in parts)
    return Material(dataset, backbone, Examples(exact, labels), tuple(copies), bad)
