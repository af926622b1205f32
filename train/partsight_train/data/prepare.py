"""From a folder of labelled pictures to all that there is to learn from.

Enters: the folder and the settings. Leaves: ``Prepared``. Called once by ``train``.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from partsight.decision.decide import default_accept_labels
from partsight.errors import DatasetError, ModelError
from partsight.image.spec import MAX_BIT_DEPTH
from partsight.image_files.read import measure_depth
from partsight_train.backbones.backbone import open_backbone
from partsight_train.cache_dir import cache_dir
from partsight_train.data.dataset import Dataset, Scan, Split, limit_test, scan, split
from partsight_train.data.feature_cache import open_cache
from partsight_train.data.features import Features, compute_features
from partsight_train.data.looks import look_at
from partsight_train.data.near_duplicates import groups
from partsight_train.data.training_data import Rows, Stages, TrainingData, gather
from partsight_train.settings import TrainSettings

__all__ = ["Prepared", "prepare"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What there is to learn from, and what was found on the way.

    Attributes:
        training_data: pictures, labels and features.
        accept_labels: the labels of good parts; empty where nothing says.
        digests: path to SHA-256 of each file.
        failed: path to the reason why a picture, or a folder of some, could not be read.
        notes: how the folder was read, a sentence each.
        not_read: ending to number of files that are not read.
    """

    training_data: TrainingData
    accept_labels: tuple[str, ...]
    digests: Mapping[Path, bytes]
    failed: Mapping[Path, str]
    notes: tuple[str, ...] = ()
    not_read: Mapping[str, int] = field(default_factory=dict)

    def rows(self, part: Split) -> Rows:
        """Where in the material the pictures of one split are."""
        pictures = self.training_data.dataset.pictures
        return np.flatnonzero([picture.split is part for picture in pictures])

    def document(self) -> dict[str, Any]:
        """How the folder was read and divided, ready for JSON."""
        dataset = self.training_data.dataset
        return {
            "notes": list(self.notes),
            "pictures": dataset.counts(),
            "parts": dataset.part_counts(),
            "not_read": dict(self.not_read),
            "bit_depth": self.training_data.backbone.spec.bit_depth,
        }


def prepare(image_dir: Path, settings: TrainSettings, stages: Stages) -> Prepared:
    """Scan, open the backbone, compute features, split.

    Raises:
        DatasetError: the folder cannot be trained on.
        ModelError: the backbone cannot be used.
    """
    scanned = scan(image_dir)
    found = scanned.found
    accept_labels = _accept_labels(tuple(found), settings)
    backbone = open_backbone(settings.backbone, settings.image_size, stages("fetch, MiB"))
    if settings.fine_tune.fine_tune != "none" and not backbone.trainable:
        raise ModelError(
            f"cannot fine-tune {backbone.name}: it shows no variables to train, as no module "
            "of TensorFlow 1 does. Leave --fine-tune away, or choose a TensorFlow 2 module."
        )
    (rows, columns), tile = settings.tiles, backbone.spec
    size = {"height": rows * tile.height, "width": columns * tile.width}
    paths = [path for label in found for path in found[label]]
    depth = settings.bit_depth or measure_depth(paths)
    seen = dataclasses.replace(tile, **size, fit=settings.fit, roi=settings.roi, bit_depth=depth)
    backbone = dataclasses.replace(backbone, spec=seen, views=settings.views, tiles=settings.tiles)
    with open_cache(
        cache_dir() / "features", backbone.identity, backbone.spec, backbone.vector_size
    ) as cache:
        features = compute_features(paths, backbone, cache, stages("features"))
        failed = {**features.failed, **scanned.left_out.unreadable}
        for path, reason in failed.items():
            logger.warning("%s: %s", path, reason)
        dataset = split(
            _only(scanned, features),
            validation_share=settings.validation_share,
            test_share=settings.test_share,
            groups=_groups(features, stages, depth) if settings.group_near_duplicates else (),
        )
        dataset = limit_test(dataset, settings.test_batch_size, settings.head.seed)
        bad = tuple(i for i, label in enumerate(dataset.labels) if label not in accept_labels)
        training_data = gather(dataset, backbone, features, bad, settings, cache, stages=stages)
    notes = (
        *scanned.notes,
        *_depth_note(depth, settings),
        *_published_notes(scanned, dataset, settings),
    )
    endings = dict(scanned.left_out.endings)
    return Prepared(training_data, accept_labels, features.digests, failed, notes, endings)


def _only(scanned: Scan, features: Features) -> Scan:
    """What a scan found, without the pictures that have no features."""
    readable = features.vectors
    found = {
        label: [path for path in paths if path in readable]
        for label, paths in scanned.found.items()
    }
    return dataclasses.replace(scanned, found=found)


def _depth_note(depth: int | None, settings: TrainSettings) -> list[str]:
    if depth is None:
        return []
    source = "as given" if settings.bit_depth else "as declared or observed over the whole set"
    if depth == MAX_BIT_DEPTH and not settings.bit_depth:
        return []
    return [f"files of 16 bits per sample have {depth} significant bits, {source}: scaled by them"]


def _published_notes(scanned: Scan, dataset: Dataset, settings: TrainSettings) -> list[str]:
    """What a published split means for the figures and for the shares that were asked for."""
    if not scanned.published:
        return []
    splits_at = defaultdict(set)
    for picture in dataset.pictures:
        splits_at[picture.place].add(picture.split)
    leaks = sum(len(splits) > 1 for splits in splits_at.values())
    notes = []
    if leaks:
        notes.append(
            f"{leaks} parts have pictures in more than one of the published splits, so figures on "
            "the test split flatter"
        )
    notes += _missing_notes(dataset)
    usual = TrainSettings()
    for part, name in ((Split.VALIDATION, "validation_share"), (Split.TEST, "test_share")):
        asked = getattr(settings, name)
        if part in scanned.published.values() and asked != getattr(usual, name):
            notes.append(f"{name} {asked:g} is not used: the {part.value} split is published")
    return notes


def _missing_notes(dataset: Dataset) -> list[str]:
    """What published splits cannot tell of labels that they have no pictures of."""
    effects = {
        Split.VALIDATION: "the operating point is chosen without them",
        Split.TEST: "the figures say nothing of them",
    }
    notes = []
    for part, effect in effects.items():
        missing = [label for label, counts in dataset.counts().items() if not counts[part.value]]
        if missing:
            notes.append(
                f"the {part.value} split has no pictures of {', '.join(missing)}: {effect}. Add "
                f"some to it, or remove the split to have it taken from train"
            )
    return notes


def _groups(features: Features, stages: Stages, depth: int | None) -> list[list[Path]]:
    readable = {path: features.digests[path] for path in features.vectors}
    looks = look_at(readable, stages("look for near duplicates"), bit_depth=depth)
    return groups(looks.greys)


def _accept_labels(labels: tuple[str, ...], settings: TrainSettings) -> tuple[str, ...]:
    unknown = sorted(set(settings.accept_labels) - set(labels))
    if unknown:
        raise DatasetError(
            f"cannot accept {', '.join(unknown)}: no such label. Expected some of: "
            f"{', '.join(labels)}."
        )
    chosen = settings.accept_labels or default_accept_labels(labels)
    if set(chosen) == set(labels):
        raise DatasetError(
            f"all labels mean a good part ({', '.join(labels)}), so the model would accept "
            "everything. Expected a label of bad parts, too: add a folder of such parts, merge the "
            "good ones, or name with --accept-label those that are good."
        )
    if not chosen and settings.tiles != (1, 1):
        raise DatasetError(
            "the worst tile decides, and no label is known to mean a good part. "
            f"Name it with --accept-label. Labels: {', '.join(labels)}."
        )
    if not chosen:
        logger.warning(
            "no label is known to mean a good part, so every verdict will be review; "
            "name it with --accept-label. Labels: %s",
            ", ".join(labels),
        )
    return chosen
