"""Labelled pictures, and which of them train, validate and test.

Enters: a folder with a sub-folder a label. Leaves: a ``Dataset``. Nothing is decoded here.
"""

from __future__ import annotations

import enum
import hashlib
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from partsight.errors import DatasetError
from partsight.pictures import label_folders

__all__ = [
    "Dataset",
    "LabelledPicture",
    "Split",
    "assign_folds",
    "hash_place",
    "limit_test",
    "scan",
    "split",
]

# What stands before this in a file name is the part; after it, the shot.
_SHOT_MARK = "_nohash_"


class Split(str, enum.Enum):
    """What a picture is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class LabelledPicture:
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
    pictures: tuple[LabelledPicture, ...]

    def of(self, split: Split) -> tuple[LabelledPicture, ...]:
        """The pictures of one split."""
        return tuple(picture for picture in self.pictures if picture.split is split)

    def counts(self) -> dict[str, dict[str, int]]:
        """Label to split to number of pictures."""
        found = Counter((picture.label, picture.split) for picture in self.pictures)
        return {
            label: {part.value: found[index, part] for part in Split}
            for index, label in enumerate(self.labels)
        }


def scan(folder: Path) -> dict[str, list[Path]]:
    """Find the labelled pictures of a folder.

    Returns:
        Label to its pictures, both by name.

    Raises:
        DatasetError: no such folder, fewer than two labels, a label that is not
            printable, or one with no pictures.
    """
    found = label_folders(folder)
    if len(found) < 2:
        raise DatasetError(
            f"{folder} must have a sub-folder a label, two or more. "
            f"Received: {sorted(found) or 'none'}. "
            "Sort the pictures into e.g. defected/ and healthy/."
        )
    unprintable = [label for label in found if not label.isprintable()]
    if unprintable:
        raise DatasetError(
            f"labels must be printable text in UTF-8. Received: {unprintable!a}. "
            "Rename the folders."
        )
    empty = [label for label, paths in found.items() if not paths]
    if empty:
        raise DatasetError(
            f"no pictures in {', '.join(str(folder / label) for label in empty)}. "
            "Add some, or remove the folder."
        )
    return found


def split(
    found: Mapping[str, Sequence[Path]],
    *,
    validation_share: float = 0.1,
    test_share: float = 0.1,
    groups: Iterable[Sequence[Path]] = (),
) -> Dataset:
    """Divide labelled pictures, those that can be read, into train, validation and test.

    Args:
        found: label to its pictures.
        validation_share: of the pictures.
        test_share: of the pictures.
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
    places = {
        path: hash_place(label, path.name) for label, paths in found.items() for path in paths
    }
    places = _join(places, groups)
    pictures = [
        LabelledPicture(path, index, part, places[path])
        for index, (label, paths) in enumerate(found.items())
        for path, part in _split_label(
            label, {path: places[path] for path in paths}, validation_share, test_share
        )
    ]
    return Dataset(tuple(found), tuple(pictures))


def _join(places: Mapping[Path, float], groups: Iterable[Sequence[Path]]) -> dict[Path, float]:
    """One place for the pictures of a group, and for all that shared a place with one of them."""
    joined = DisjointSet(places.values())
    for group in groups:
        for path in group:
            joined.merge(places[group[0]], places[path])
    return {path: joined[place] for path, place in places.items()}


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
    part = file_name.partition(_SHOT_MARK)[0]
    digest = hashlib.sha256(f"{label}/{part}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_folds(dataset: Dataset, count: int) -> NDArray[np.intp]:
    """Deal the parts of each label over as many folds, in the order of their hashes.

    Shots of one part are in one fold, and every fold has its share of each label.

    Returns:
        int (N,), the fold of each picture.
    """
    folds = np.zeros(len(dataset.pictures), np.intp)
    for index in range(len(dataset.labels)):
        rows = [row for row, each in enumerate(dataset.pictures) if each.label == index]
        places = [dataset.pictures[row].place for row in rows]
        rank = {place: number for number, place in enumerate(sorted(set(places)))}
        folds[rows] = [rank[place] % count for place in places]
    return folds


def _split_label(
    label: str, places: Mapping[Path, float], validation_share: float, test_share: float
) -> Iterator[tuple[Path, Split]]:
    """Give each picture its split: test below ``test_share``, validation next, else train.

    A label so small that none falls into test or validation lends the nearest part, so
    that its figures exist; it goes back once another falls there by itself.
    """
    parts = sorted(set(places.values()))
    if len(parts) < len(Split):
        raise DatasetError(
            f"label {label} has {len(parts)} parts that can be read; it takes {len(Split)} or "
            "more, to train, validate and test on. Add pictures."
        )
    test_end = max(test_share, math.nextafter(parts[0], 1))
    beyond = next(place for place in parts if place >= test_end)
    validation_end = max(test_share + validation_share, math.nextafter(beyond, 1))
    for path, place in places.items():
        early = Split.TEST if place < test_end else Split.VALIDATION
        yield path, early if place < validation_end else Split.TRAIN
