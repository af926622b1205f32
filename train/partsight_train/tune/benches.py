"""What a search scores on: every backbone and variation, computed once.

Enters: labelled folders and a ``Search``. Leaves: a bench each. The test split of
``dataset.split`` is left out here, before anything is scored. Called by ``study``.
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
from partsight_train.tune.bench import Bench, set_up
from partsight_train.tune.space import VARIATIONS, Search

__all__ = ["Benches", "open_benches"]

logger = logging.getLogger(__name__)

# By backbone and variation.
Benches = Mapping[tuple[str, str], Bench]


def open_benches(
    image_dir: Path, search: Search, stages: Stages, cache: Path | None = None
) -> tuple[Benches, Prepared]:
    """Compute the features of every backbone and variation, divide and turn them.

    Returns:
        The benches, and the pictures as last prepared, test split and all.

    Raises:
        DatasetError: the folder cannot be trained on, or not judged by this measure.
        ModelError: a backbone cannot be used.
    """
    benches, prepared = {}, None
    for backbone, name in itertools.product(search.backbones, search.variations):
        settings = dataclasses.replace(search.base, backbone=backbone, augment=VARIATIONS[name])
        prepared, first = prepare(image_dir, settings, stages, cache), prepared is None
        for note in prepared.notes if first else ():
            logger.warning("%s", note)
        training_data = _without_test(prepared)
        _require_judgeable(training_data, search)
        benches[backbone, name] = set_up(training_data, search.folds, search.base.head)
    assert prepared is not None
    return benches, prepared


def _without_test(prepared: Prepared) -> TrainingData:
    training_data = prepared.training_data
    rows = np.sort(np.concatenate([prepared.rows(Split.TRAIN), prepared.rows(Split.VALIDATION)]))
    return dataclasses.replace(
        training_data,
        dataset=Dataset(
            training_data.dataset.labels, tuple(training_data.dataset.pictures[row] for row in rows)
        ),
        examples=training_data.examples.take(rows),
        copies=tuple(part[rows] for part in training_data.copies),
    )


def _require_judgeable(training_data: TrainingData, search: Search) -> None:
    """See that every label can be in every fold, and that the measure has good and bad parts."""
    labels = training_data.dataset.labels
    require_parts(training_data.dataset, 2 * search.folds, f"{search.folds} folds", "--folds")
    if search.names_good_and_bad and not 0 < len(training_data.bad) < len(labels):
        raise DatasetError(
            f"--measure {search.measure} tells bad parts from good ones; expected some labels of "
            f"each, received: {', '.join(labels)}. Name the good ones with --accept-label."
        )
