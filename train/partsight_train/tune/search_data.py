"""Features of every backbone and augmentation of a search, computed once. Called by ``study``.

The test split of ``dataset.split`` is removed here, before anything is scored.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from partsight.errors import DatasetError
from partsight_train.data.dataset import Dataset, Split
from partsight_train.data.prepare import Prepared, prepare
from partsight_train.data.training_data import Stages, TrainingData
from partsight_train.fit.cross_validation import require_parts
from partsight_train.tune.scoring import ScoringData, rotate_folds
from partsight_train.tune.space import AUGMENTATIONS, Search

__all__ = ["SearchData", "open_search_data"]

logger = logging.getLogger(__name__)

# By backbone and augmentation.
SearchData = Mapping[tuple[str, str], ScoringData]


def open_search_data(
    image_dir: Path, search: Search, stages: Stages, cache: Path | None = None
) -> tuple[SearchData, Prepared]:
    """Compute the features of every backbone and augmentation and divide them into folds.

    Returns:
        The data to score on, and the last prepared images, including the test split.

    Raises:
        DatasetError: the folder cannot be used for training, or not with this measure.
        ModelError: a backbone cannot be used.
    """
    data, prepared = {}, None
    for backbone, name in itertools.product(search.backbones, search.variations):
        settings = dataclasses.replace(search.base, backbone=backbone, augment=AUGMENTATIONS[name])
        prepared, first = prepare(image_dir, settings, stages, cache), prepared is None
        for note in prepared.notes if first else ():
            logger.warning("%s", note)
        training_data = _without_test(prepared)
        _require_labels(training_data, search)
        data[backbone, name] = rotate_folds(training_data, search.folds, search.base.head)
    assert prepared is not None
    return data, prepared


def _without_test(prepared: Prepared) -> TrainingData:
    training_data = prepared.training_data
    rows = np.sort(np.concatenate([prepared.rows(Split.TRAIN), prepared.rows(Split.VALIDATION)]))
    return dataclasses.replace(
        training_data,
        dataset=Dataset(
            training_data.dataset.labels, tuple(training_data.dataset.images[row] for row in rows)
        ),
        examples=training_data.examples.take(rows),
        copies=tuple(copy[rows] for copy in training_data.copies),
    )


def _require_labels(training_data: TrainingData, search: Search) -> None:
    """Require every label in every fold, and good and bad labels if the measure needs both."""
    labels = training_data.dataset.labels
    require_parts(training_data.dataset, 2 * search.folds, f"{search.folds} folds", "--folds")
    if search.names_good_and_bad and not 0 < len(training_data.bad) < len(labels):
        raise DatasetError(
            f"--measure {search.measure} needs labels of good and of bad parts; received: "
            f"{', '.join(labels)}. Name the labels of good parts with --accept-label."
        )
