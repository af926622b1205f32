"""Feature vectors of image files, each computed only once.

Only images that are not in the cache are decoded.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from partsight.errors import DatasetError, ImageError
from partsight.image.out_of_memory import raise_if_out_of_memory
from partsight.image.preprocess import preprocess
from partsight.image_files.read import read_images
from partsight.utils.progress import Progress, silent
from partsight_train.backbones.backbone import Backbone
from partsight_train.data.augmentation import Augmentation
from partsight_train.data.calibration import Calibration
from partsight_train.data.extract import open_extractor
from partsight_train.data.feature_cache import FeatureCache

__all__ = ["Features", "batches", "compute_features"]

_BATCH = 32
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Feature vectors of images.

    Attributes:
        vectors: path to float32 (D,).
        failed: path to the reason why it has no vector.
        digests: path to SHA-256 of each file that could be read, damaged images included.
        computed: number of images that were not in the cache.
    """

    vectors: dict[Path, NDArray[np.float32]]
    failed: dict[Path, str]
    digests: dict[Path, bytes]
    computed: int


def compute_features(
    paths: Sequence[Path],
    backbone: Backbone,
    cache: FeatureCache | None = None,
    progress: Progress = silent,
    *,
    digests: Mapping[Path, bytes] | None = None,
    augmentation: Augmentation | None = None,
    calibration: Calibration | None = None,
) -> Features:
    """Compute the features of images, or take them from the cache.

    Args:
        paths: image files.
        backbone: feature extractor.
        cache: cache of earlier results; new vectors are stored batch by batch. None computes
            all.
        progress: reports each image to compute.
        digests: SHA-256 of each file if known; None reads all files.
        augmentation: compute the features of augmented copies instead.
        calibration: compute the features of the int8 backbone instead; these images, which are
            among ``paths``, set its value ranges.

    Raises:
        DatasetError: no image could be read.
    """
    known, failed = _digests(paths) if digests is None else (dict(digests), {})
    variant = augmentation.identity if augmentation else b""
    variant += calibration.identity(known) if calibration else b""
    keys = {
        path: hashlib.sha256(variant + known[path]).digest() if variant else known[path]
        for path in paths
        if path in known
    }
    vectors, unknown = ({}, keys) if cache is None else cache.look_up(keys)
    extract = open_extractor(backbone, calibration) if unknown else None
    images = read_images(progress(unknown, len(unknown)), backbone.spec)
    for batch in batches(images):
        readable, unreadable = _preprocessed(batch, backbone, augmentation, unknown)
        failed.update(unreadable)
        if readable and extract is not None:
            new = dict(zip(readable, extract(np.stack(list(readable.values()))), strict=True))
            if cache is not None:
                cache.put({unknown[path]: vector for path, vector in new.items()})
            vectors.update(new)
    if not vectors:
        raise DatasetError(_none_readable(failed))
    return Features(vectors, failed, known, len(unknown))


def _preprocessed(
    batch: Iterable[tuple[Path, NDArray[np.uint8] | ImageError]],
    backbone: Backbone,
    augmentation: Augmentation | None,
    keys: Mapping[Path, bytes],
) -> tuple[dict[Path, NDArray[np.uint8]], dict[Path, str]]:
    """Return the network's input for each readable image, and the reasons for the others."""
    readable, failed = {}, {}
    for path, image in batch:
        if isinstance(image, ImageError):
            raise_if_out_of_memory(image)
            failed[path] = str(image)
        else:
            seen = preprocess(image, backbone.spec)
            readable[path] = augmentation.apply(seen, keys[path]) if augmentation else seen
    return readable, failed


def _digests(paths: Iterable[Path]) -> tuple[dict[Path, bytes], dict[Path, str]]:
    """Return SHA-256 of each file, and the reason for each file that cannot be read."""
    digests, failed = {}, {}
    for path in paths:
        try:
            digests[path] = hashlib.sha256(path.read_bytes()).digest()
        except OSError as error:
            failed[path] = f"the file cannot be read: {error.strerror or error}"
    return digests, failed


def _none_readable(failed: Mapping[Path, str]) -> str:
    first = next((f" The first, {path}: {reason}." for path, reason in failed.items()), "")
    return f"no image can be read, of {len(failed)}.{first} Add images that can be read."


def batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Yield the items in lists of 32: they keep every core busy and fit into memory."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch
