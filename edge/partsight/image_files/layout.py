"""Folder layouts of published image sets.

Published sets often have splits: ``train/`` and ``test/``, each with a folder per label, or a
folder per label, each with ``train/`` and ``test/``. MVTec AD adds ``ground_truth/`` and has only
good parts to train on. None of these folders is a label.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from partsight.decision.good_names import is_good_name
from partsight.errors import DatasetError
from partsight.image_files.read import image_files_below, is_image_file, sub_folders
from partsight.image_files.walk import LeftOut, Unlisted

__all__ = [
    "LabelFolder",
    "Layout",
    "label_key",
    "image_files_of_label",
    "read_layout",
    "split_of",
]

# Names of a split's folder, without a suffix such as ``_set`` or ``_images``.
_SPLITS = {
    "train": ("train", "training", "trainings", "trn", "tr"),
    "validation": ("val", "valid", "validation", "validierung", "validierungs", "dev", "va"),
    "test": ("test", "testing", "tst", "te"),
}
_BY_NAME = {name: split for split, names in _SPLITS.items() for name in names}
_BEFORE = re.compile(r"^(\d+[-_. ]*|(x|split|data|dataset|images|imgs)[-_ ])")
_AFTER = re.compile(r"[-_ ]?(set|sets|data|daten|split|images|imgs|public|\d+)$")
# Folders with masks of the defects.
_MASKS = re.compile(r"ground[-_ ]?truth")
# A folder around a set, such as ``data`` or ``Data/Images``, has few others in it.
_MOST_WRAPPED, _DEEPEST = 4, 3


@dataclass(frozen=True, slots=True)
class LabelFolder:
    """A folder with the images of one label.

    Attributes:
        name: of the folder, which is the label.
        path: the folder.
        split: ``train``, ``validation`` or ``test``; None if the set has no splits.
    """

    name: str
    path: Path
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of a labelled set.

    Attributes:
        folders: of the labels, by split and name.
        masks: folders of ground truth, without images of parts.
        unused: other folders next to those of the splits.
    """

    folders: tuple[LabelFolder, ...]
    masks: tuple[Path, ...] = ()
    unused: tuple[Path, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have folders; none if the set is not divided."""
        found = {folder.split for folder in self.folders if folder.split}
        return tuple(split for split in _SPLITS if split in found)

    def of(self, split: str) -> tuple[LabelFolder, ...]:
        """The label folders of one split."""
        return tuple(folder for folder in self.folders if folder.split == split)

    def aside(self) -> str | None:
        """One sentence about folders that are not used; None if all are used."""
        named = [
            *(f"{path} (masks)" for path in self.masks),
            *(f"{path} (not in a split)" for path in self.unused),
        ]
        return f"not used: {', '.join(named)}" if named else None


def label_key(name: str) -> str:
    """The name for comparison of labels: in NFC, casefolded, stripped."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def split_of(name: str) -> str | None:
    """The split that a folder's name stands for, in any case; None if it is not such a name."""
    plain = label_key(name)
    return _BY_NAME.get(plain) or _BY_NAME.get(_AFTER.sub("", _BEFORE.sub("", plain)))


def image_files_of_label(folder: Path, left_out: LeftOut) -> Iterator[Path | Unlisted]:
    """As ``image_files_below``, without masks: image files in ground truth folders are counted."""
    for entry in image_files_below(folder, left_out):
        if isinstance(entry, Path) and any(map(_is_masks, entry.relative_to(folder).parts[:-1])):
            left_out.count(entry, " in ground truth folders (masks)")
        else:
            yield entry


def read_layout(folder: Path, left_out: LeftOut) -> Layout:
    """Find the label folders of a set, and its published splits if it has any.

    A folder is a split if it has such a name, contains label folders and no images, and there is
    another split. A single ``train`` among other labels is a label.

    Args:
        folder: of the set.
        left_out: collects files next to the folders.

    Raises:
        DatasetError: the folder does not exist, or its splits cannot be used; the message names
            the folder to pass.
    """
    children = sub_folders(folder, left_out)
    masks = tuple(child for child in children if _is_masks(child.name))
    rest = [child for child in children if child not in masks]
    named = [child for child in rest if split_of(child.name)]
    divided = [child for child in named if _has_labels_only(child)]
    flat = [child for child in named if child not in divided and _has_images(child)]
    others = [child for child in rest if child not in named and _has_images(child)]
    kinds = {split_of(child.name) for child in divided}
    if len(kinds) > 1:
        _require_mostly_splits(folder, divided, others)
        _require_one_set(folder, [each for child in divided for each in _label_folders(child)])
        return _by_split(divided, masks, (*flat, *others), left_out)
    if divided and not others:
        raise _one_split(folder, divided[0], flat)
    if not others and len({split_of(child.name) for child in flat}) > 1:
        raise DatasetError(
            f"{folder} has {_names(flat)} without a folder per label in them. Expected label "
            "folders such as train/defected/ and train/healthy/. Sort the images into such folders."
        )
    _require_one_set(folder, rest)
    by_label = _by_label(rest, masks, left_out)
    return by_label or Layout(tuple(LabelFolder(child.name, child) for child in rest), masks)


def _by_split(
    divided: Sequence[Path], masks: tuple[Path, ...], unused: tuple[Path, ...], left_out: LeftOut
) -> Layout:
    """``train/LABEL`` and ``test/LABEL``."""
    found, masked = [], list(masks)
    for child in divided:
        for inner in sub_folders(child, left_out):
            if _is_masks(inner.name):
                masked.append(inner)
            else:
                found.append(LabelFolder(inner.name, inner, split_of(child.name)))
    return Layout(_sorted(found), tuple(masked), unused)


def _by_label(labels: Sequence[Path], masks: tuple[Path, ...], left_out: LeftOut) -> Layout | None:
    """``LABEL/train`` and ``LABEL/test``; None if the labels are not divided that way."""
    found, undivided = [], []
    for label in labels:
        inside = sub_folders(label, LeftOut())
        each = [LabelFolder(label.name, inner, split_of(inner.name)) for inner in inside]
        if each and all(inner.split for inner in each) and not _has_images_beside(label):
            found += each
        else:
            undivided.append(label)
    if len({each.split for each in found}) < 2:
        return None
    if undivided:
        divided = dict.fromkeys(each.path.parent for each in found)
        raise DatasetError(
            f"{_names(list(divided))} {'is' if len(divided) == 1 else 'are'} divided into splits, "
            f"and {_names(undivided)} not. Expected splits in all labels, or in none: move the "
            f"images of {', '.join(str(each.path) for each in found)} into their label folders."
        )
    for label in labels:
        sub_folders(label, left_out)
    return Layout(_sorted(found), masks)


def _sorted(folders: Sequence[LabelFolder]) -> tuple[LabelFolder, ...]:
    order = list(_SPLITS)
    return tuple(sorted(folders, key=lambda each: (order.index(each.split or ""), each.path)))


def _require_mostly_splits(folder: Path, divided: Sequence[Path], others: Sequence[Path]) -> None:
    if len(others) >= len(divided):
        raise DatasetError(
            f"{folder} has the splits {_names(divided)} and next to them {_names(others)}, so that "
            "it is not clear which are labels. Pass one of the splits, or move the others away."
        )


def _require_one_set(folder: Path, labels: Sequence[Path]) -> None:
    """Refuse a folder above several sets, such as ``{bottle,cable}/{train,test}/good``.

    A set is recognized by splits with a folder of good parts in them, or by such a folder next to
    another one in each of the folders. A folder whose own name means good is a label.
    """
    labels = [label for label in labels if not is_good_name(label.name)]
    divided = [label for label in labels if _is_divided_set(label)]
    if divided:
        raise DatasetError(
            f"{folder} holds {'several sets' if len(divided) > 1 else 'another set'} "
            f"({_names(divided)}), divided into splits with labels of their own. Expected label "
            f"folders. Pass {'one of ' * (len(divided) > 1)}{', '.join(map(str, divided))}"
        )
    sets = [_set_within(label) for label in labels]
    found = [each for each in sets if each is not None]
    if len(labels) > 1 and len(found) == len(sets):
        raise DatasetError(
            f"{folder} has {_names(labels)} with labels in each of them, so that its labels seem "
            f"to be one level lower. Expected label folders. Pass one of them, such as "
            f"{found[0]}, or call them train/ and test/ if they are splits."
        )


def _is_divided_set(folder: Path) -> bool:
    """Whether splits in a folder, or a level lower, have a folder of good parts in them."""
    inside = sub_folders(folder, LeftOut())
    splits = [child for child in inside if split_of(child.name)]
    if any(is_good_name(each.name) for split in splits for each in _label_folders(split)):
        return True
    return len(inside) == 1 and not splits and _is_divided_set(inside[0])


def _set_within(folder: Path, depth: int = 0) -> Path | None:
    """The folder at or below this one that has a folder of good parts and another one."""
    inside = _label_folders(folder)
    good = [child for child in inside if is_good_name(child.name)]
    if good and len(good) < len(inside):
        return folder
    if good or len(inside) > _MOST_WRAPPED or depth == _DEEPEST:
        return None
    found = (_set_within(child, depth + 1) for child in inside)
    return next((each for each in found if each is not None), None)


def _label_folders(folder: Path) -> list[Path]:
    return [each for each in sub_folders(folder, LeftOut()) if not _is_masks(each.name)]


def _one_split(folder: Path, only: Path, flat: Sequence[Path]) -> DatasetError:
    others = f" and {_names(flat)} without label folders" if flat else ""
    return DatasetError(
        f"{folder} has no label folders of its own but the split {only.name}/{others}. "
        f"Pass {only} instead."
    )


def _has_labels_only(folder: Path) -> bool:
    """Whether the sub-folders contain images and the folder itself does not."""
    inside = [each for each in sub_folders(folder, LeftOut()) if not _is_masks(each.name)]
    return any(map(_has_images, inside)) and not _has_images_beside(folder)


def _has_images_beside(folder: Path) -> bool:
    return any(is_image_file(each) and not each.is_dir() for each in folder.iterdir())


def _has_images(folder: Path) -> bool:
    return any(isinstance(each, Path) for each in image_files_below(folder, LeftOut()))


def _names(folders: Sequence[Path]) -> str:
    return ", ".join(f"{folder.name}/" for folder in folders)


def _is_masks(name: str) -> bool:
    """Whether a folder's name means masks of defects."""
    return _MASKS.fullmatch(label_key(name)) is not None
