"""Preparation of training data from a folder of labelled images."""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from partsight.decision.operating_point import default_accept_labels
from partsight.errors import DatasetError, ModelError
from partsight.image.spec import MAX_BIT_DEPTH
from partsight.image_files.read import measure_depth
from partsight.utils.counts import counted
from partsight_train.backbones.backbone import Backbone, open_backbone
from partsight_train.cache_dir import cache_dir
from partsight_train.data.dataset import Dataset, Scan, Split, limit_test, scan, split
from partsight_train.data.feature_cache import open_cache
from partsight_train.data.features import Features, compute_features
from partsight_train.data.image_summaries import summarize_images
from partsight_train.data.near_duplicates import duplicate_groups
from partsight_train.data.training_data import (
    RowIndices,
    Stages,
    TrainingData,
    assemble_training_data,
)
from partsight_train.settings import TrainSettings

__all__ = ["Prepared", "prepare"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Training data, and how it was read.

    Attributes:
        training_data: images, labels and features.
        accept_labels: labels of good parts; empty if unknown.
        digests: path to SHA-256 of each file.
        failed: path to the reason why an image, or a folder, could not be read.
        notes: how the folder was read, one text per fact.
        not_read: file extension to number of files that are not read.
    """

    training_data: TrainingData
    accept_labels: tuple[str, ...]
    digests: Mapping[Path, bytes]
    failed: Mapping[Path, str]
    notes: tuple[str, ...] = ()
    not_read: Mapping[str, int] = field(default_factory=dict)

    def rows(self, subset: Split) -> RowIndices:
        """Return the indices of one split's images in the training data."""
        images = self.training_data.dataset.images
        return np.flatnonzero([image.split is subset for image in images])

    def document(self) -> dict[str, Any]:
        """Return how the folder was read and divided, ready for JSON."""
        dataset = self.training_data.dataset
        return {
            "notes": list(self.notes),
            "pictures": dataset.counts(),
            "parts": dataset.part_counts(),
            "not_read": dict(self.not_read),
            "bit_depth": self.training_data.backbone.spec.bit_depth,
        }


def prepare(
    image_dir: Path, settings: TrainSettings, stages: Stages, cache_folder: Path | None = None
) -> Prepared:
    """Scan a folder, open the backbone, compute features and divide the images into splits.

    Args:
        image_dir: folder with a sub-folder per label.
        settings: see ``TrainSettings``.
        stages: returns the progress of a stage by its name.
        cache_folder: folder of the cache; None for the default, see ``cache_dir``.

    Raises:
        DatasetError: the folder cannot be trained on.
        ModelError: the backbone cannot be used.
    """
    scanned = scan(image_dir)
    accept_labels = _accept_labels(tuple(scanned.found), settings)
    paths = [path for images in scanned.found.values() for path in images]
    backbone = _open_backbone(paths, settings, stages, cache_folder)
    with open_cache(
        cache_dir(cache_folder) / "features", backbone.identity, backbone.spec, backbone.vector_size
    ) as cache:
        features = compute_features(paths, backbone, cache, stages("features"))
        failed = {**features.failed, **scanned.left_out.unreadable}
        for path, reason in failed.items():
            logger.warning("%s: %s", path, reason)
        groups = (
            _near_duplicates(features, stages, backbone.spec.bit_depth, cache_folder)
            if settings.group_near_duplicates
            else []
        )
        dataset = _divide(_only(scanned, features), groups, settings)
        bad = tuple(i for i, label in enumerate(dataset.labels) if label not in accept_labels)
        training_data = assemble_training_data(
            dataset, backbone, features, bad, settings, cache, stages=stages
        )
    notes = (
        *scanned.notes,
        *_depth_note(backbone.spec.bit_depth, settings),
        *_published_notes(scanned, dataset, settings),
    )
    endings = dict(scanned.left_out.endings)
    return Prepared(training_data, accept_labels, features.digests, failed, notes, endings)


def _open_backbone(
    paths: Sequence[Path], settings: TrainSettings, stages: Stages, cache_folder: Path | None
) -> Backbone:
    """Open the backbone with the preprocessing that the settings and the images require."""
    backbone = open_backbone(
        settings.backbone, settings.image_size, stages("fetch, MiB"), cache_folder
    )
    if settings.fine_tune.fine_tune != "none" and not backbone.trainable:
        raise ModelError(
            f"cannot fine-tune {backbone.name}: it has no trainable variables, like all modules "
            "of TensorFlow 1. Remove --fine-tune, or choose a TensorFlow 2 module."
        )
    (rows, columns), tile = settings.tiles, backbone.spec
    depth = settings.bit_depth or measure_depth(paths)
    spec = dataclasses.replace(
        tile,
        height=rows * tile.height,
        width=columns * tile.width,
        fit=settings.fit,
        roi=settings.roi,
        bit_depth=depth,
    )
    return dataclasses.replace(backbone, spec=spec, views=settings.views, tiles=settings.tiles)


def _divide(scanned: Scan, groups: list[list[Path]], settings: TrainSettings) -> Dataset:
    """Divide the readable images into splits, and keep groups together."""
    dataset = split(
        scanned,
        validation_share=settings.validation_share,
        test_share=settings.test_share,
        groups=groups,
    )
    return limit_test(dataset, settings.test_batch_size, settings.head.seed)


def _only(scanned: Scan, features: Features) -> Scan:
    """Return a scan without the images that have no features."""
    readable = features.vectors
    found = {
        label: [path for path in paths if path in readable]
        for label, paths in scanned.found.items()
    }
    return dataclasses.replace(scanned, found=found)


def _depth_note(depth: int | None, settings: TrainSettings) -> list[str]:
    if depth is None:
        return []
    source = "--bit-depth" if settings.bit_depth else "declared, or observed over the whole set"
    if depth == MAX_BIT_DEPTH and not settings.bit_depth:
        return []
    return [f"files with 16 bits per sample are read with {depth} significant bits ({source})"]


def _published_notes(scanned: Scan, dataset: Dataset, settings: TrainSettings) -> list[str]:
    """Return the effects of a published split on the figures and on the requested shares."""
    if not scanned.published:
        return []
    splits_at = defaultdict(set)
    for image in dataset.images:
        splits_at[image.part_hash].add(image.split)
    leaks = sum(len(splits) > 1 for splits in splits_at.values())
    notes = []
    if leaks:
        notes.append(
            f"{counted(leaks, 'part')} with images in more than one of the published splits, so "
            "the figures on the test split are too good. Keep the images of a part in one split"
        )
    notes += _missing_notes(dataset)
    defaults = TrainSettings()
    for subset in (Split.VALIDATION, Split.TEST):
        name = f"{subset.value}_share"
        wanted = getattr(settings, name)
        if subset in scanned.published.values() and wanted != getattr(defaults, name):
            notes.append(
                f"--{subset.value}-share {wanted:g} is not used: the {subset.value} split is "
                "published"
            )
    return notes


def _missing_notes(dataset: Dataset) -> list[str]:
    """Return which labels have no images in a split, with the effect and the next step."""
    effects = {
        Split.VALIDATION: "the operating point is chosen without such parts",
        Split.TEST: "the figures say nothing about such parts",
    }
    notes = []
    for subset, effect in effects.items():
        missing = [label for label, counts in dataset.counts().items() if not counts[subset.value]]
        if missing:
            notes.append(
                f"the {subset.value} split has no images of {', '.join(missing)}: {effect}. Add "
                "such images to this split, or remove its folder, so that it is taken from train"
            )
    return notes


def _near_duplicates(
    features: Features, stages: Stages, depth: int | None, cache_folder: Path | None
) -> list[list[Path]]:
    readable = {path: features.digests[path] for path in features.vectors}
    summaries = summarize_images(
        readable, stages("look for near duplicates"), bit_depth=depth, cache=cache_folder
    )
    return duplicate_groups(summaries.greys)


def _accept_labels(labels: tuple[str, ...], settings: TrainSettings) -> tuple[str, ...]:
    unknown = sorted(set(settings.accept_labels) - set(labels))
    if unknown:
        raise DatasetError(
            f"--accept-label {', '.join(unknown)}: no such label. Expected one or more of: "
            f"{', '.join(labels)}."
        )
    chosen = settings.accept_labels or default_accept_labels(labels)
    if set(chosen) == set(labels):
        raise DatasetError(
            f"all labels mean a good part ({', '.join(labels)}), so the model would accept "
            "everything. Expected at least one label of bad parts: add a folder of bad "
            "parts, or name only the labels of good parts with --accept-label."
        )
    if not chosen and settings.tiles != (1, 1):
        raise DatasetError(
            "--tiles needs a label of good parts, because the worst tile decides, and no such "
            "label is known. "
            f"Name it with --accept-label. Labels: {', '.join(labels)}."
        )
    if not chosen:
        logger.warning(
            "no label of good parts is known, so every verdict will be review; "
            "name it with --accept-label. Labels: %s",
            ", ".join(labels),
        )
    return chosen
