"""From a folder of labelled pictures to all that there is to learn from.

Enters: the folder and the settings. Leaves: ``Prepared``. Called once by ``train``.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partsight.decide import default_accept_labels
from partsight.errors import DatasetError, ModelError
from partsight_train.backbones.backbone import open_backbone
from partsight_train.cache import open_cache
from partsight_train.cache_dir import cache_dir
from partsight_train.data_check import groups, look_at
from partsight_train.dataset import Split, limit_test, scan, split
from partsight_train.features import Features, compute_features
from partsight_train.learn import Material, Rows, Stages, gather
from partsight_train.settings import TrainSettings

__all__ = ["Prepared", "prepare"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What there is to learn from, and what was found on the way.

    Attributes:
        material: pictures, labels and features.
        accept_labels: the labels of good parts; empty where nothing says.
        digests: path to SHA-256 of each file.
        failed: path to the reason why a picture could not be read.
    """

    material: Material
    accept_labels: tuple[str, ...]
    digests: Mapping[Path, bytes]
    failed: Mapping[Path, str]

    def rows(self, part: Split) -> Rows:
        """Where in the material the pictures of one split are."""
        pictures = self.material.dataset.pictures
        return np.flatnonzero([picture.split is part for picture in pictures])


def prepare(image_dir: Path, settings: TrainSettings, stages: Stages) -> Prepared:
    """Scan, open the backbone, compute features, split.

    Raises:
        DatasetError: the folder cannot be trained on.
        ModelError: the backbone cannot be used.
    """
    found = scan(image_dir)
    accept_labels = _accept_labels(tuple(found), settings)
    backbone = open_backbone(settings.backbone, settings.image_size, stages("fetch, MiB"))
    if settings.fine_tune.fine_tune != "none" and not backbone.trainable:
        raise ModelError(
            f"cannot fine-tune {backbone.name}: it shows no variables to train, as no module "
            "of TensorFlow 1 does. Leave --fine-tune away, or choose a TensorFlow 2 module."
        )
    (rows, columns), tile = settings.tiles, backbone.spec
    size = {"height": rows * tile.height, "width": columns * tile.width}
    seen = dataclasses.replace(tile, **size, fit=settings.fit, roi=settings.roi)
    backbone = dataclasses.replace(backbone, spec=seen, views=settings.views, tiles=settings.tiles)
    with open_cache(
        cache_dir() / "features", backbone.identity, backbone.spec, backbone.vector_size
    ) as cache:
        paths = [path for label in found for path in found[label]]
        features = compute_features(paths, backbone, cache, stages("features"))
        for path, reason in features.failed.items():
            logger.warning("%s: %s", path, reason)
        dataset = split(
            {label: [path for path in found[label] if path in features.vectors] for label in found},
            validation_share=settings.validation_share,
            test_share=settings.test_share,
            groups=_groups(features, stages) if settings.group_near_duplicates else (),
        )
        dataset = limit_test(dataset, settings.test_batch_size, settings.head.seed)
        bad = tuple(i for i, label in enumerate(dataset.labels) if label not in accept_labels)
        material = gather(dataset, backbone, features, bad, settings, cache, stages=stages)
    return Prepared(material, accept_labels, features.digests, features.failed)


def _groups(features: Features, stages: Stages) -> list[list[Path]]:
    readable = {path: features.digests[path] for path in features.vectors}
    return groups(look_at(readable, stages("look for near duplicates")).greys)


def _accept_labels(labels: tuple[str, ...], settings: TrainSettings) -> tuple[str, ...]:
    unknown = sorted(set(settings.accept_labels) - set(labels))
    if unknown:
        raise DatasetError(
            f"cannot accept {', '.join(unknown)}: no such label. Expected some of: "
            f"{', '.join(labels)}."
        )
    chosen = settings.accept_labels or default_accept_labels(labels)
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
