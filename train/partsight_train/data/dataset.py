"""Labelled pictures, and which of them train, validate and test.

Enters: a folder with a sub-folder per label. Leaves: a ``Dataset``. Nothing is decoded here.
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
from partsight_train.data import assignment
from partsight_train.data.assignment import Split
from partsight_train.data.scan import SHOT_MARK, Scan, part_of_shot, scan

__all__ = [
    "Dataset",
    "LabelledImage",
    "Scan",
    "Split",
    "assign_folds",
    "hash_place",
    "limit_test",
    "scan",
    "split",
]

# In the place of a label in the hash of a part that a folder names: no folder has this name.
_ANY_LABEL = "/"


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """A picture file.

    Attributes:
        path: the file.
        label: index of its label.
        split: what it is used for.
        place: where in [0, 1) its part stands; pictures of one place stay together.
    """

    path: Path
    label: int
    split: Split
    place: float


@dataclass(frozen=True, slots=True)
class Dataset:
    """All pictures of a folder.

    Attributes:
        labels: the sub-folders' names, sorted.
        pictures: by label, then by path.
    """

    labels: tuple[str, ...]
    pictures: tuple[LabelledImage, ...]

    def of(self, split: Split) -> tuple[LabelledImage, ...]:
        """The pictures of one split."""
        return tuple(picture for picture in self.pictures if picture.split is split)

    def counts(self) -> dict[str, dict[str, int]]:
        """Label to split to number of pictures."""
        found = Counter((picture.label, picture.split) for picture in self.pictures)
        return {
            label: {part.value: found[index, part] for part in Split}
            for index, label in enumerate(self.labels)
        }

    def labels_at(self) -> dict[float, frozenset[int]]:
        """Place of each part to the labels that it has pictures of."""
        return _labels_at((picture.place, picture.label) for picture in self.pictures)

    def part_counts(self) -> dict[str, int]:
        """Label to number of parts."""
        found = Counter(label for labels in self.labels_at().values() for label in labels)
        return {label: found[index] for index, label in enumerate(self.labels)}


def split(
    found: Scan | Mapping[str, Sequence[Path]],
    *,
    validation_share: float = 0.1,
    test_share: float = 0.1,
    groups: Iterable[Sequence[Path]] = (),
) -> Dataset:
    """Divide labelled pictures, those that can be read, into train, validation and test.

    Published splits stay as they are; one that is missing is taken from train. All else is
    divided by ``assign_splits``, and pictures of one part stay together.

    Args:
        found: label to its pictures, or what a scan found.
        validation_share: of the parts.
        test_share: of the parts.
        groups: pictures that stay together whatever their names; none is in two groups.

    Raises:
        DatasetError: a label with too few parts to have one in each split.
        ValueError: shares that are not positive, or leave nothing to train on.
    """
    if min(validation_share, test_share) <= 0 or validation_share + test_share >= 1:
        raise ValueError(
            "shares of validation and test must be above 0 and leave some to train. "
            f"Received: {validation_share} and {test_share}"
        )
    scanned = found if isinstance(found, Scan) else Scan(found)
    places = _places(scanned, groups)
    shares = {Split.TEST: test_share, Split.VALIDATION: validation_share}
    published = set(scanned.published.values())
    shares = {part: share for part, share in shares.items() if part not in published}
    free = {
        path: index
        for index, paths in enumerate(scanned.found.values())
        for path in paths
        if scanned.published.get(path, Split.TRAIN) is Split.TRAIN
    }
    labels_at = _labels_at((places[path], index) for path, index in free.items())
    _require_parts(scanned, labels_at, len(shares) + 1)
    assigned = assignment.assign_splits(labels_at, shares)
    pictures = tuple(
        LabelledImage(
            path,
            index,
            assigned[places[path]] if path in free else scanned.published[path],
            places[path],
        )
        for index, paths in enumerate(scanned.found.values())
        for path in paths
    )
    return _with_every_split(Dataset(tuple(scanned.found), pictures), (*shares, Split.TRAIN))


def _places(scanned: Scan, groups: Iterable[Sequence[Path]]) -> dict[Path, float]:
    """Where in [0, 1) each picture's part stands; a group has the least place of its pictures."""
    places, joins = {}, []
    of_shots: dict[str, float] = {}
    for label, paths in scanned.found.items():
        for path in paths:
            place = hash_place(label, _name_in_set(path, scanned))
            part = scanned.parts.get(path)
            places[path] = place if part is None else hash_place(_ANY_LABEL, part)
            if (named := part_of_shot(path)) is not None:
                joins += [(places[path], place), (place, of_shots.setdefault(named, place))]
    joined = DisjointSet([*places.values(), *(place for pair in joins for place in pair)])
    for first, second in joins:
        joined.merge(first, second)
    for group in groups:
        for path in group:
            joined.merge(places[group[0]], places[path])
    least = {place: min(subset) for subset in joined.subsets() for place in subset}
    return {path: least[place] for path, place in places.items()}


def _name_in_set(path: Path, scanned: Scan) -> str:
    """A file's name; in published splits names begin again, where they do not name a part."""
    published = scanned.published.get(path, Split.TRAIN)
    if published is Split.TRAIN or SHOT_MARK in path.name:
        return path.name
    return f"{published.value}/{path.name}"


def _labels_at(pictures: Iterable[tuple[float, int]]) -> dict[float, frozenset[int]]:
    found: dict[float, set[int]] = defaultdict(set)
    for place, label in pictures:
        found[place].add(label)
    return {place: frozenset(labels) for place, labels in found.items()}


def limit_test(dataset: Dataset, most: int | None, seed: int) -> Dataset:
    """The dataset with at most so many pictures, drawn at random, to test on."""
    test = dataset.of(Split.TEST)
    if most is None or most >= len(test):
        return dataset
    kept = set(random.Random(seed).sample(test, most))
    pictures = (each for each in dataset.pictures if each.split is not Split.TEST or each in kept)
    return Dataset(dataset.labels, tuple(pictures))


def hash_place(label: str, file_name: str) -> float:
    """Where in [0, 1) a picture stands by a hash of ``label/file name``.

    So a picture keeps its place when others come or the folder moves. Of a name such as
    ``part17_nohash_2.jpg`` only ``part17`` counts: shots of one part stay together, and
    none is tested on whose sisters were trained on.
    """
    part = file_name.partition(SHOT_MARK)[0]
    digest = hashlib.sha256(f"{label}/{part}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_folds(dataset: Dataset, count: int) -> NDArray[np.intp]:
    """Deal the parts of each label over as many folds, in the order of their hashes.

    Shots of one part are in one fold, whatever their labels, and every fold has its share of
    each label.

    Returns:
        int (N,), the fold of each picture.
    """
    folds = assignment.assign_folds(dataset.labels_at(), count)
    return np.array([folds[picture.place] for picture in dataset.pictures], np.intp)


def _require_parts(scanned: Scan, labels_at: Mapping[float, frozenset[int]], least: int) -> None:
    counts = Counter(label for labels in labels_at.values() for label in labels)
    for index, (label, paths) in enumerate(scanned.found.items()):
        if counts[index] < least:
            raise DatasetError(
                f"label {label} has {counts[index]} parts that can be read; it takes {least} or "
                f"more, to train, validate and test on. {_few_parts_hint(scanned, paths)}"
            )


def _few_parts_hint(scanned: Scan, paths: Sequence[Path]) -> str:
    if not any(path in scanned.parts for path in paths):
        return "Add pictures."
    return (
        "Its sub-folders count as one part each, because file names recur in them. Add parts; or, "
        "if each file shows another part, give the files names of their own; or, if they are views "
        "of the same parts, call the sub-folders cam1, cam2 and so on."
    )


def _with_every_split(dataset: Dataset, parts: Sequence[Split]) -> Dataset:
    """See that each label has a part in each split, which parts of several labels can prevent.

    Raises:
        DatasetError: one has not.
    """
    for label, counts in dataset.counts().items():
        missing = [part.value for part in parts if not counts[part.value]]
        if missing:
            raise DatasetError(
                f"label {label} has no part left for {' and '.join(missing)}, as its parts have "
                "pictures under other labels, too, and are kept together. Add parts of it."
            )
    return dataset
