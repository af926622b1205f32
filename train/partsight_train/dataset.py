"""Labelled pictures, and which of them train, validate and test.

Enters: a folder with a sub-folder per label. Leaves: a ``Dataset``. Nothing is decoded here.
"""

from __future__ import annotations

import hashlib
import random
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from partsight.errors import DatasetError
from partsight.layout import Layout, label_key, read_layout
from partsight.pictures import pictures_below, sub_folders
from partsight.walk import LeftOut
from partsight_train import assignment
from partsight_train.assignment import Split
from partsight_train.part_folders import PartFolders, find_parts, shared_parts

__all__ = [
    "Dataset",
    "LabelledPicture",
    "Scan",
    "Split",
    "assign_folds",
    "hash_place",
    "limit_test",
    "scan",
    "split",
]

# What stands before this in a file name is the part; after it, the shot.
_SHOT_MARK = "_nohash_"
# In the place of a label in the hash of a part that a folder names: no folder has this name.
_ANY_LABEL = "/"
_LEAST_LABELS = 2


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

    def labels_at(self) -> dict[float, frozenset[int]]:
        """Place of each part to the labels that it has pictures of."""
        return _labels_at((picture.place, picture.label) for picture in self.pictures)

    def part_counts(self) -> dict[str, int]:
        """Label to number of parts."""
        found = Counter(label for labels in self.labels_at().values() for label in labels)
        return {label: found[index] for index, label in enumerate(self.labels)}


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder of labelled pictures holds.

    Attributes:
        found: label to its pictures, both by name.
        published: picture to the split whose folder it lies in, in a divided set.
        parts: picture to the name of its part, where sub-folders tell.
        notes: how the folder was read, a sentence each.
        left_out: files and folders that were not read.
    """

    found: Mapping[str, Sequence[Path]]
    published: Mapping[Path, Split] = field(default_factory=dict)
    parts: Mapping[Path, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)


def scan(folder: Path) -> Scan:
    """Find the labelled pictures of a folder, its published splits and its parts.

    Raises:
        DatasetError: no such folder, fewer than two labels, a label that is not printable or
            has two names, one with no pictures, or a division that cannot be learned from.
    """
    left_out = LeftOut()
    layout = read_layout(folder, left_out)
    roots: dict[str, dict[Path, list[Path]]] = defaultdict(dict)
    published: dict[Path, Split] = {}
    for each in layout.folders:
        paths = _pictures_in(each.path, left_out)
        if paths or not layout.splits:
            roots[_label_of(each.name)][each.path] = paths
        if each.split:
            published |= dict.fromkeys(paths, Split(each.split))
    found = {
        label: [path for paths in roots[label].values() for path in paths]
        for label in sorted(roots)
    }
    _require_labels(folder, found, roots, left_out)
    if layout.splits:
        _require_learnable(folder, layout, found, published)
    parts, part_notes = _parts(roots)
    notes = filter(
        None,
        [
            _layout_note(folder, layout),
            layout.aside(),
            *(_merged_note(label, roots[label]) for label in found if not layout.splits),
            *part_notes,
            *(f"{each.path}: {each.reason}" for each in left_out.unlisted if each.is_cycle),
            left_out.text(),
        ],
    )
    return Scan(found, published, parts, tuple(notes), left_out)


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
        LabelledPicture(
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
            if (named := _part_of_shot(path)) is not None:
                joins += [(places[path], place), (place, of_shots.setdefault(named, place))]
    joined = DisjointSet([*places.values(), *(place for pair in joins for place in pair)])
    for first, second in joins:
        joined.merge(first, second)
    for group in groups:
        for path in group:
            joined.merge(places[group[0]], places[path])
    least = {place: min(subset) for subset in joined.subsets() for place in subset}
    return {path: least[place] for path, place in places.items()}


def _part_of_shot(path: Path) -> str | None:
    """What stands before the mark in a file's name; None where there is no mark."""
    part, mark, _ = path.name.partition(_SHOT_MARK)
    return part if mark else None


def _name_in_set(path: Path, scanned: Scan) -> str:
    """A file's name; in published splits names begin again, where they do not name a part."""
    published = scanned.published.get(path, Split.TRAIN)
    if published is Split.TRAIN or _SHOT_MARK in path.name:
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
    part = file_name.partition(_SHOT_MARK)[0]
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


def _pictures_in(folder: Path, left_out: LeftOut) -> list[Path]:
    return [each for each in pictures_below(folder, left_out) if isinstance(each, Path)]


def _label_of(folder_name: str) -> str:
    return unicodedata.normalize("NFC", folder_name).strip()


def _require_labels(
    folder: Path,
    found: Mapping[str, Sequence[Path]],
    roots: Mapping[str, Mapping[Path, Sequence[Path]]],
    left_out: LeftOut,
) -> None:
    if len(found) < _LEAST_LABELS:
        raise DatasetError(
            f"{folder} must have a sub-folder per label, two or more. "
            f"Received: {sorted(found) or 'none'}. {_one_label_hint(folder, roots)}"
        )
    unprintable = [label for label in found if not label or not label.isprintable()]
    if unprintable:
        raise DatasetError(
            f"labels must be printable text in UTF-8. Received: {unprintable!a}. "
            "Rename the folders."
        )
    by_key = defaultdict(list)
    for label in found:
        by_key[label_key(label)].append(label)
    for same in by_key.values():
        if len(same) > 1:
            folders = " and ".join(str(path) for label in same for path in roots[label])
            raise DatasetError(
                f"the labels of {folders} differ only in upper and lower case. Expected one folder "
                "per label; merge them, or rename one."
            )
    empty = [path for label in found if not found[label] for path in roots[label]]
    if empty:
        unread = f" ({text})" if (text := left_out.text()) else ""
        unlisted = "".join(f"; {each.path}: {each.reason}" for each in left_out.unlisted)
        raise DatasetError(
            f"no pictures in {', '.join(map(str, empty))}{unread}{unlisted}. Add some, or remove "
            "the folder."
        )


def _one_label_hint(folder: Path, roots: Mapping[str, Mapping[Path, Sequence[Path]]]) -> str:
    """What to do where there is one sub-folder: often it is the one to pass."""
    paths = [root for each in roots.values() for root in each]
    # Of a label that is divided into splits, the folder around them.
    for path in dict.fromkeys([*(root.parent for root in paths), *paths]):
        if len(sub_folders(path, LeftOut())) >= _LEAST_LABELS and path != folder:
            return f"If its sub-folders are the labels, pass {path}."
    return "Sort the pictures into e.g. defected/ and healthy/."


def _require_learnable(
    folder: Path,
    layout: Layout,
    found: Mapping[str, Sequence[Path]],
    published: Mapping[Path, Split],
) -> None:
    """See that the published train split shows every label."""
    named = {split: _split_folder(layout, split) for split in layout.splits}
    if "train" not in named:
        raise DatasetError(
            f"{folder} is divided into {', '.join(layout.splits)} without a train split. Pass one "
            f"of {', '.join(map(str, named.values()))} to have it divided anew."
        )
    learned = [
        label for label in found if any(published[each] is Split.TRAIN for each in found[label])
    ]
    missing = [label for label in found if label not in learned]
    if missing:
        other = next((named[split] for split in ("test", "validation") if split in named), folder)
        raise DatasetError(
            f"{folder} is divided, and its train split has no pictures of {', '.join(missing)}, "
            f"only of {', '.join(learned) or 'nothing'}: a classifier cannot learn labels that it "
            f"is not shown. To learn from the other pictures, pass {other} to 'partsight train'; "
            f"to measure a model on them: partsight evaluate MODEL {other}"
        )


def _split_folder(layout: Layout, split: str) -> Path:
    """The folder to name for a split: that around its labels, or one of them."""
    folders = layout.of(split)
    around = {each.path.parent for each in folders}
    return around.pop() if len(around) == 1 else folders[0].path


def _layout_note(folder: Path, layout: Layout) -> str | None:
    if not layout.splits:
        return None
    missing = [part.value for part in Split if part.value not in layout.splits]
    taken = f"; {' and '.join(missing)} taken from train" if missing else ""
    return f"{folder} is divided already: its {', '.join(layout.splits)} split is used{taken}"


def _merged_note(label: str, roots: Mapping[Path, Sequence[Path]]) -> str | None:
    if len(roots) < 2:
        return None
    names = ", ".join(ascii(root.name) for root in roots)
    return f"label {label}: folders {names} have one name, but for letter forms or spaces; merged"


def _parts(
    roots: Mapping[str, Mapping[Path, Sequence[Path]]],
) -> tuple[dict[Path, str], list[str]]:
    """Picture to the name of its part, and how that was told."""
    told = {}
    for label, images in roots.items():
        others = {
            root: paths for each in roots if each != label for root, paths in roots[each].items()
        }
        told[label] = find_parts(images, others)
    known: list[PartFolders] = [each for each in told.values() if each is not None]
    parts: dict[Path, str] = {}
    labels_of: dict[str, set[str]] = defaultdict(set)
    for label, images in sorted(roots.items()):
        each = told[label]
        mine = shared_parts(images, known) if each is None else each.parts
        parts.update(mine)
        shots = (_part_of_shot(path) for paths in images.values() for path in paths)
        for name in (*mine.values(), *filter(None, shots)):
            labels_of[name].add(label)
    notes = [each.text(label) for label, each in sorted(told.items()) if each is not None]
    shared = sorted(name for name, labels in labels_of.items() if len(labels) > 1)
    if shared:
        notes.append(
            f"{len(shared)} parts have pictures under two labels or more (such as {shared[0]}): "
            "the same part, kept in one split"
        )
    return parts, notes


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
