"""Pictures to feature vectors, each computed once.

Enters: labelled pictures and a backbone. Leaves: a matrix of features, and the pictures
that could not be read. Only pictures that the cache does not know are decoded.
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
from partsight.image_files.read import read_pictures
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
    """Feature vectors of pictures.

    Attributes:
        vectors: path to float32 (D,).
        failed: path to the reason why it has none.
        digests: path to SHA-256 of each file that could be read, damaged ones included.
        computed: how many were not in the cache.
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
    """Compute the features of pictures, or take them from the cache.

    Args:
        paths: picture files.
        backbone: what computes.
        cache: what was computed before; new vectors are stored batch by batch. None
            computes all.
        progress: told of each picture to compute.
        digests: SHA-256 of each file, where it is known; None reads them all.
        augmentation: compute those of varied copies instead.
        calibration: compute those that the backbone gives in int8 with the ranges of these
            pictures, which are among ``paths``, instead.

    Raises:
        DatasetError: not one picture could be read.
    """
    known, failed = _digests(paths) if digests is None else (dict(digests), {})
    of_copy = augmentation.identity if augmentation else b""
    of_copy += calibration.identity(known) if calibration else b""
    keys = {
        path: hashlib.sha256(of_copy + known[path]).digest() if of_copy else known[path]
        for path in paths
        if path in known
    }
    vectors, unknown = _look_up(keys, cache)
    extract = open_extractor(backbone, calibration) if unknown else None
    todo = progress(unknown, len(unknown))
    for batch in batches(read_pictures(todo, backbone.spec)):
        readable = {}
        for path, picture in batch:
            if isinstance(picture, ImageError):
                raise_if_out_of_memory(picture)
                failed[path] = str(picture)
            else:
                fed = preprocess(picture, backbone.spec)
                readable[path] = augmentation.vary(fed, unknown[path]) if augmentation else fed
        if readable and extract is not None:
            fresh = dict(zip(readable, extract(np.stack(list(readable.values()))), strict=True))
            if cache is not None:
                cache.put({unknown[path]: vector for path, vector in fresh.items()})
            vectors.update(fresh)
    if not vectors:
        raise DatasetError(f"none of {len(paths)} pictures could be read; see the reasons above")
    return Features(vectors, failed, known, len(unknown))


def _digests(paths: Iterable[Path]) -> tuple[dict[Path, bytes], dict[Path, str]]:
    """SHA-256 of each file, and reasons for those that cannot be read."""
    digests, failed = {}, {}
    for path in paths:
        try:
            digests[path] = hashlib.sha256(path.read_bytes()).digest()
        except OSError as error:
            failed[path] = f"the file cannot be read: {error.strerror or error}"
    return digests, failed


def _look_up(
    keys: Mapping[Path, bytes], cache: FeatureCache | None
) -> tuple[dict[Path, NDArray[np.float32]], dict[Path, bytes]]:
    """Vectors that are known, and keys of those that are not."""
    vectors, unknown = {}, {}
    for path, key in keys.items():
        known = cache.get(key) if cache is not None else None
        if known is None:
            unknown[path] = key
        else:
            vectors[path] = known
    return vectors, unknown


def batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """The items in lists that keep every core busy and fit into memory."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch
