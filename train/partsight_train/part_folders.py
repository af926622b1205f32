"""Which images show the same part, told by the folders that they lie in.

One folder per part with the same view names in each (``SN1/top.jpg``, ``SN2/top.jpg``) is told by
names that recur. Batches whose files have names of their own are no parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

__all__ = ["PartFolders", "find_parts", "shared_parts"]

# Of the images in sub-folders; a few of one name, such as a reference in each batch, are chance.
_LEAST_RECURRING = 1 / 3
# Folders named for a batch, whose files may bear its name: 2024-05-01/2024-05-01_17.jpg.
_BATCH = re.compile(
    r"\d{4}[-_.]?\d{2}[-_.]?\d{2}.*|\d{2}[-_.]\d{2}[-_.]\d{4}.*"
    r"|(batch|lot|shift|day|week|month|run|session|monday|tuesday|wednesday|thursday|friday)"
    r"[-_ ]?\d*"
)
# Folders named for a view or a camera, with a file per part in each.
_VIEW = re.compile(
    r"(top|bottom|front|back|rear|left|right|side|upper|lower|inside|outside|inner|outer"
    r"|cam|camera|view|angle|station|pose)([-_ ]?[a-z]?\d*|[-_ ](view|side|left|right))"
)
_MOST_EXAMPLES = 3

_Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartFolders:
    """How the sub-folders of one label group its images.

    Attributes:
        parts: image to the name of its part, of those in sub-folders that group.
        examples: names that recur.
        by_name: whether sub-folders are views and the file name is the part.
    """

    parts: Mapping[Path, str]
    examples: tuple[str, ...]
    by_name: bool = False

    def text(self, label: str) -> str:
        """One sentence for people."""
        number = len(set(self.parts.values()))
        names = ", ".join(self.examples)
        if self.by_name:
            return f"label {label}: {number} parts by file name, as its sub-folders are views"
        return (
            f"label {label}: {number} parts by sub-folder, as file names recur in them "
            f"(such as {names})"
        )


def find_parts(images: Mapping[Path, Sequence[Path]]) -> PartFolders | None:
    """The parts of one label, by the sub-folders at the least depth where names recur.

    Args:
        images: each folder of the label to the images in it and below it.

    Returns:
        None where sub-folders do not tell.
    """
    by_path = {
        path: path.relative_to(root).parts for root, paths in images.items() for path in paths
    }
    for depth in range(1, max(map(len, by_path.values()), default=0)):
        inside = {path: parts for path, parts in by_path.items() if len(parts) > depth}
        found = _at_depth(inside, depth)
        if found is not None:
            return found
    return None


def shared_parts(
    images: Mapping[Path, Sequence[Path]], known: Iterable[PartFolders]
) -> dict[Path, str]:
    """Images of a label in sub-folders that are parts in another label, with the part's name."""
    names = {name for each in known if not each.by_name for name in each.parts.values()}
    found = {}
    for root, paths in images.items():
        for path in paths:
            parts = path.relative_to(root).parts
            for depth in range(1, len(parts)):
                if (name := _folder(parts, depth)) in names:
                    found[path] = name
    return found


def _at_depth(inside: Mapping[Path, _Parts], depth: int) -> PartFolders | None:
    folders = {_folder(parts, depth) for parts in inside.values()}
    if len(folders) < 2:
        return None
    for view_of in (_plain, _without_folder):
        views = {path: view_of(parts, depth) for path, parts in inside.items()}
        places: dict[str, set[str]] = defaultdict(set)
        for path, view in views.items():
            places[view].add(_folder(inside[path], depth))
        recurring = Counter(view for view in views.values() if len(places[view]) > 1)
        if recurring.total() >= max(2, _LEAST_RECURRING * len(inside)):
            examples = tuple(view for view, _ in recurring.most_common(_MOST_EXAMPLES))
            by_name = len(folders) < len(places) and all(_is_view(each) for each in folders)
            chosen = views if by_name else {p: _folder(v, depth) for p, v in inside.items()}
            return PartFolders(chosen, examples, by_name)
    return None


def _folder(parts: _Parts, depth: int) -> str:
    return "/".join(map(_name, parts[:depth]))


def _plain(parts: _Parts, depth: int) -> str:
    """What lies below a folder, without the file's ending."""
    return "/".join(map(_name, (*parts[depth:-1], PurePath(parts[-1]).stem)))


def _without_folder(parts: _Parts, depth: int) -> str:
    """The same without the folder's own name, as in ``SN1/SN1_top.jpg``; batches keep theirs."""
    own = _name(parts[depth - 1])
    if _BATCH.fullmatch(own):
        return _plain(parts, depth)
    return re.sub(rf"(?<![a-z0-9]){re.escape(own)}(?![a-z0-9])", "*", _plain(parts, depth))


def _is_view(folder: str) -> bool:
    return _VIEW.fullmatch(folder.rpartition("/")[2]) is not None


def _name(part: str) -> str:
    return unicodedata.normalize("NFC", part).strip().casefold()
