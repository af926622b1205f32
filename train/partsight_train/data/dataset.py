"""Labelled images and their division into train, validation and test.

The input is a folder with one sub-folder per label. No image is decoded here.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from partsight.errors import DatasetError
from partsight.image_files.part_names import part_in_name
from partsight.utils.counts import counted
from partsight_train.data import assignment
from partsight_train.data.assignment import Split
from partsight_train.data.scan import Scan, scan

__all__ = [
    "Dataset",
    "LabelledImage",
    "Scan",
    "Split",
    "assign_folds",
    "part_hash_of",
    "limit_test",
    "scan",
    "split",
]

# Replaces the label in the hash of a part that a folder names. No folder has this name.
_ANY_LABEL = "/"


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image file.

    Attributes:
        path: the file.
        label: index of its label.
        split: its use.
        part_hash: hash of its part, in [0, 1); images of one part have the same hash.
    """

    path: Path
    label: int
    split: Split
    part_hash: float


@dataclass(frozen=True, slots=True)
class Dataset:
    """All images of a folder.

    Attributes:
        labels: names of the sub-folders, sorted.
        images: images by label, then by path.
    """

    labels: tuple[str, ...]
    images: tuple[LabelledImage, ...]

    def of(self, split: Split) -> tuple[LabelledImage, ...]:
        """Return the images of one split."""
        return tuple(image for image in self.images if image.split is split)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return label to split to number of images."""
        found = Counter((image.label, image.split) for image in self.images)
        return {
            label: {subset.value: found[index, subset] for subset in Split}
            for index, label in enumerate(self.labels)
        }

    def labels_at(self) -> dict[float, frozenset[int]]:
        """Return hash of a part to the labels of its images, as indices."""
        return _labels_at((image.part_hash, image.label) for image in self.images)

    def part_counts(self) -> dict[str, int]:
        """Return label to number of parts."""
        found = Counter(label for labels in self.labels_at().values() for label in labels)
        return {label: found[index] for index, label in enumerate(self.labels)}


def split(
    found: Scan | Mapping[str, Sequence[Path]],
    *,
    validation_share: float = 0.1,
    test_share: float = 0.1,
    groups: Iterable[Sequence[Path]] = (),
) -> Dataset:
    """Divide labelled, readable images into train, validation and test.

    Published splits stay as they are; a missing one is taken from train. ``assign_splits``
    divides everything else. Images of one part stay together.

    Args:
        found: label to its images, or a scanned folder.
        validation_share: share of the parts, in (0, 1).
        test_share: share of the parts, in (0, 1).
        groups: images that stay together whatever their names; no image is in two groups.

    Raises:
        DatasetError: a label has too few parts to have one in each split.
        ValueError: a share is not positive, or the shares leave nothing to train on.
    """
    if min(validation_share, test_share) <= 0 or validation_share + test_share >= 1:
        raise ValueError(
            "shares of validation and test must be above 0 and leave some to train. "
            f"Received: {validation_share} and {test_share}"
        )
    scanned = found if isinstance(found, Scan) else Scan(found)
    published = set(scanned.published.values())
    wanted = {Split.TEST: test_share, Split.VALIDATION: validation_share}
    shares = {subset: share for subset, share in wanted.items() if subset not in published}
    images = _assigned(scanned, _places(scanned, groups), shares)
    return _with_every_split(Dataset(tuple(scanned.found), images), (*shares, Split.TRAIN))


def _assigned(
    scanned: Scan, part_hashes: Mapping[Path, float], shares: Mapping[Split, float]
) -> tuple[LabelledImage, ...]:
    """Assign all images without a published split, or in the published train split."""
    label_of = {path: index for index, paths in enumerate(scanned.found.values()) for path in paths}
    free = [path for path in label_of if scanned.published.get(path, Split.TRAIN) is Split.TRAIN]
    labels_at = _labels_at((part_hashes[path], label_of[path]) for path in free)
    _require_parts(scanned, labels_at, len(shares) + 1)
    assigned = assignment.assign_splits(labels_at, shares)
    splits = {**scanned.published, **{path: assigned[part_hashes[path]] for path in free}}
    return tuple(
        LabelledImage(path, index, splits[path], part_hashes[path])
        for path, index in label_of.items()
    )


def _places(scanned: Scan, groups: Iterable[Sequence[Path]]) -> dict[Path, float]:
    """Return the hash of each image's part; a group gets the lowest hash of its images."""
    part_hashes, joins = {}, []
    first_hash_of: dict[str, float] = {}
    for label, paths in scanned.found.items():
        for path in paths:
            part_hash = part_hash_of(label, _name_in_set(path, scanned))
            part = scanned.parts.get(path)
            part_hashes[path] = part_hash if part is None else part_hash_of(_ANY_LABEL, part)
            if (named := part_in_name(path.name)) is not None:
                joins += [
                    (part_hashes[path], part_hash),
                    (part_hash, first_hash_of.setdefault(named, part_hash)),
                ]
    joined = DisjointSet(
        [*part_hashes.values(), *(part_hash for pair in joins for part_hash in pair)]
    )
    for first, second in joins:
        joined.merge(first, second)
    for group in groups:
        for path in group:
            joined.merge(part_hashes[group[0]], part_hashes[path])
    least = {part_hash: min(subset) for subset in joined.subsets() for part_hash in subset}
    return {path: least[part_hash] for path, part_hash in part_hashes.items()}


def _name_in_set(path: Path, scanned: Scan) -> str:
    """Return a file's name, with the split's name for published splits, whose numbering restarts.

    A name that gives the part is the same part in every split.
    """
    published = scanned.published.get(path, Split.TRAIN)
    if published is Split.TRAIN or part_in_name(path.name) is not None:
        return path.name
    return f"{published.value}/{path.name}"


def _labels_at(images: Iterable[tuple[float, int]]) -> dict[float, frozenset[int]]:
    found: dict[float, set[int]] = defaultdict(set)
    for part_hash, label in images:
        found[part_hash].add(label)
    return {part_hash: frozenset(labels) for part_hash, labels in found.items()}


def limit_test(dataset: Dataset, most: int | None, seed: int) -> Dataset:
    """Return the dataset with a random choice of at most ``most`` test images."""
    test = dataset.of(Split.TEST)
    if most is None or most >= len(test):
        return dataset
    kept = set(random.Random(seed).sample(test, most))
    images = (each for each in dataset.images if each.split is not Split.TEST or each in kept)
    return Dataset(dataset.labels, tuple(images))


def part_hash_of(label: str, file_name: str) -> float:
    """Return a hash of ``label/file name`` in [0, 1).

    It stays the same when images are added or the folder moves. A name such as
    ``part17_nohash_2.jpg`` counts as ``part17``, so all images of one part are in one split.
    """
    part = part_in_name(file_name)
    name = file_name if part is None else part
    digest = hashlib.sha256(f"{label}/{name}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_folds(dataset: Dataset, count: int) -> NDArray[np.intp]:
    """Deal the parts of each label to folds, in the order of their hashes.

    Images of one part are in one fold, whatever their labels, and every fold has its share of
    each label.

    Returns:
        int (N,), the fold of each image.
    """
    folds = assignment.assign_folds(dataset.labels_at(), count)
    return np.array([folds[image.part_hash] for image in dataset.images], np.intp)


def _require_parts(scanned: Scan, labels_at: Mapping[float, frozenset[int]], least: int) -> None:
    counts = Counter(label for labels in labels_at.values() for label in labels)
    for index, (label, paths) in enumerate(scanned.found.items()):
        if counts[index] < least:
            raise DatasetError(
                f"label {label} has {counted(counts[index], 'part')} that can be read, expected "
                f"{least} or more, to train, validate and test on. "
                f"{_few_parts_hint(scanned, paths)}"
            )


def _few_parts_hint(scanned: Scan, paths: Sequence[Path]) -> str:
    if not any(path in scanned.parts for path in paths):
        return "Add images of other parts."
    return (
        "Its sub-folders count as one part each, because file names recur in them. Add parts. "
        "If each file shows another part, give the files different names. If the sub-folders are "
        "views of the same parts, call them cam1, cam2 and so on."
    )


def _with_every_split(dataset: Dataset, subsets: Sequence[Split]) -> Dataset:
    """Require a part of each label in each split, which parts with several labels can prevent.

    Raises:
        DatasetError: a label has no part in a split.
    """
    for label, counts in dataset.counts().items():
        missing = [subset.value for subset in subsets if not counts[subset.value]]
        if missing:
            raise DatasetError(
                f"label {label} has no part left for {' and '.join(missing)}: its parts also have "
                "images under other labels, and images of one part stay together. Add parts of "
                f"label {label} only."
            )
    return dataset
