"""Scan of a folder of labelled images: labels, published splits and parts.

No image is decoded here.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from partsight.errors import DatasetError
from partsight.image_files.layout import Layout, image_files_of_label, label_key, read_layout
from partsight.image_files.part_names import part_in_name
from partsight.image_files.read import sub_folders
from partsight.image_files.walk import LeftOut
from partsight.utils.counts import counted
from partsight_train.data.assignment import Split
from partsight_train.data.part_folders import PartFolders, find_parts, shared_parts

__all__ = ["Scan", "scan"]

_MIN_LABELS = 2


@dataclass(frozen=True, slots=True)
class Scan:
    """Labelled images of a folder.

    Attributes:
        found: label to its images, both sorted by name.
        published: image to its split, if the folder is divided into splits.
        parts: image to the name of its part, if sub-folders group images by part.
        notes: how the folder was read, one text per fact.
        left_out: files and folders that were not read.
    """

    found: Mapping[str, Sequence[Path]]
    published: Mapping[Path, Split] = field(default_factory=dict)
    parts: Mapping[Path, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)


def scan(folder: Path) -> Scan:
    """Find the labelled images of a folder, its published splits and its parts.

    Raises:
        DatasetError: the folder does not exist or has fewer than two labels; a label is not
            printable, differs from another only in case, or has no images; or a published
            division cannot be trained on.
    """
    left_out = LeftOut()
    layout = read_layout(folder, left_out)
    roots: dict[str, dict[Path, list[Path]]] = defaultdict(dict)
    published: dict[Path, Split] = {}
    for each in layout.folders:
        paths = _images_in(each.path, left_out)
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


def _images_in(folder: Path, left_out: LeftOut) -> list[Path]:
    return [each for each in image_files_of_label(folder, left_out) if isinstance(each, Path)]


def _label_of(folder_name: str) -> str:
    return unicodedata.normalize("NFC", folder_name).strip()


def _require_labels(
    folder: Path,
    found: Mapping[str, Sequence[Path]],
    roots: Mapping[str, Mapping[Path, Sequence[Path]]],
    left_out: LeftOut,
) -> None:
    if len(found) < _MIN_LABELS:
        raise DatasetError(
            f"{folder} must have one sub-folder per label, two or more. "
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
            f"no images in {', '.join(map(str, empty))}{unread}{unlisted}. Add images, or "
            "remove the folder."
        )


def _one_label_hint(folder: Path, roots: Mapping[str, Mapping[Path, Sequence[Path]]]) -> str:
    """Return the next step if there are fewer than two labels; often a sub-folder is meant."""
    paths = [root for each in roots.values() for root in each]
    # For a label that is divided into splits, the parent of the splits.
    for path in dict.fromkeys([*(root.parent for root in paths), *paths]):
        if len(sub_folders(path, LeftOut())) >= _MIN_LABELS and path != folder:
            return f"If its sub-folders are the labels, pass {path}."
    return "Sort the images into e.g. defected/ and healthy/."


def _require_learnable(
    folder: Path,
    layout: Layout,
    found: Mapping[str, Sequence[Path]],
    published: Mapping[Path, Split],
) -> None:
    """Require images of every label in the published train split."""
    named = {split: _split_folder(layout, split) for split in layout.splits}
    if "train" not in named:
        raise DatasetError(
            f"{folder} has no train split. Expected train, received {', '.join(layout.splits)}. To "
            "divide the images of one split again, pass its folder: "
            f"{' or '.join(map(str, named.values()))}."
        )
    learned = [
        label for label in found if any(published[each] is Split.TRAIN for each in found[label])
    ]
    missing = [label for label in found if label not in learned]
    if missing:
        other = next((named[split] for split in ("test", "validation") if split in named), folder)
        raise DatasetError(
            f"{folder} is divided into splits, and its train split has no images of "
            f"{', '.join(missing)}, only of {', '.join(learned) or 'nothing'}: a classifier cannot "
            f"learn a label without images. To learn from the other images, pass {other} to "
            "'partsight train'; to measure a model on these images: partsight evaluate MODEL "
            f"{other}"
        )


def _split_folder(layout: Layout, split: str) -> Path:
    """Return the folder of a split: the parent of its label folders, or the first of them."""
    folders = layout.of(split)
    around = {each.path.parent for each in folders}
    return around.pop() if len(around) == 1 else folders[0].path


def _layout_note(folder: Path, layout: Layout) -> str | None:
    if not layout.splits:
        return None
    missing = [subset.value for subset in Split if subset.value not in layout.splits]
    taken = f"; {' and '.join(missing)} taken from train" if missing else ""
    return f"{folder} is already divided into {', '.join(layout.splits)}, which are kept{taken}"


def _merged_note(label: str, roots: Mapping[Path, Sequence[Path]]) -> str | None:
    if len(roots) < 2:
        return None
    names = ", ".join(ascii(root.name) for root in roots)
    return f"label {label}: the folders {names} differ only in Unicode form or outer spaces: merged"


def _parts(
    roots: Mapping[str, Mapping[Path, Sequence[Path]]],
) -> tuple[dict[Path, str], list[str]]:
    """Return image to the name of its part, and notes on how parts were found."""
    groupings = {}
    for label, images in roots.items():
        others = {
            root: paths for each in roots if each != label for root, paths in roots[each].items()
        }
        groupings[label] = find_parts(images, others)
    known: list[PartFolders] = [each for each in groupings.values() if each is not None]
    parts: dict[Path, str] = {}
    labels_of: dict[str, set[str]] = defaultdict(set)
    for label, images in sorted(roots.items()):
        grouping = groupings[label]
        own = shared_parts(images, known) if grouping is None else grouping.parts
        parts.update(own)
        named = (part_in_name(path.name) for paths in images.values() for path in paths)
        for name in (*own.values(), *filter(None, named)):
            labels_of[name].add(label)
    notes = [each.text(label) for label, each in sorted(groupings.items()) if each is not None]
    shared = sorted(name for name, labels in labels_of.items() if len(labels) > 1)
    if shared:
        notes.append(
            f"{counted(len(shared), 'part')} with images under two or more labels (such as "
            f"{shared[0]}): all images of such a part are in one split"
        )
    return parts, notes
