"""Grouping of images by part, from the folders that contain them.

Folders with one part each are found by recurring file names (``SN1/top.jpg``, ``SN2/top.jpg``).
Folders whose file names do not recur are batches, not parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

__all__ = ["PartFolders", "find_parts", "shared_parts"]

# Share of the images in sub-folders. A few recurring names, such as a reference image in each
# batch, are no sign of part folders.
_MIN_RECURRING = 1 / 3
# Folders named after a batch, whose files may contain its name: 2024-05-01/2024-05-01_17.jpg.
_BATCH = re.compile(
    r"\d{4}[-_.]?\d{2}[-_.]?\d{2}.*|\d{2}[-_.]\d{2}[-_.]\d{4}.*"
    r"|(batch|lot|shift|day|week|month|run|session|monday|tuesday|wednesday|thursday|friday)"
    r"[-_ ]?\d*"
)
# Folders named after a view, a camera or a light, with one file per part in each.
_VIEW_WORDS = frozenset(
    {
        *("angle", "back", "bottom", "bright", "brightfield", "cam", "camera", "coax", "dark"),
        *("darkfield", "depth", "dome", "exposure", "front", "gray", "inner", "inside", "ir"),
        *("left", "light", "lighting", "lower", "nir", "outer", "outside", "pose", "rear", "rgb"),
        *("right", "ring", "side", "station", "thermal", "top", "upper", "uv", "view", "vis"),
        *("ansicht", "hinten", "kamera", "links", "oben", "rechts", "seite", "unten", "vorne"),
        *("arriere", "arrière", "avant", "bas", "dessous", "dessus", "droite", "gauche", "haut"),
        *("vue", "abajo", "arriba", "atras", "atrás", "camara", "cámara", "derecha", "frente"),
        *("izquierda", "lado", "vista", "basso", "destra", "fronte", "lato", "retro", "sinistra"),
        "telecamera",
    }
)
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_MAX_EXAMPLES = 3

_Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartFolders:
    """Grouping of one label's images by its sub-folders.

    Attributes:
        parts: image to the name of its part, for images in sub-folders that group.
        examples: file names that recur.
        by_name: whether sub-folders are views and the file name is the part.
    """

    parts: Mapping[Path, str]
    examples: tuple[str, ...]
    by_name: bool = False

    def text(self, label: str) -> str:
        """Return one sentence for people."""
        number = len(set(self.parts.values()))
        names = ", ".join(self.examples)
        if self.by_name:
            return f"label {label}: {number} parts by file name, as its sub-folders are views"
        hint = ""
        if number < len(self.parts) / number:
            hint = ". If the sub-folders are views of the same parts, call them cam1, cam2"
        return (
            f"label {label}: {number} parts by sub-folder, as file names recur in them "
            f"(such as {names}){hint}"
        )


def find_parts(
    images: Mapping[Path, Sequence[Path]], others: Mapping[Path, Sequence[Path]] | None = None
) -> PartFolders | None:
    """Find the parts of one label by its sub-folders, at the smallest depth where names recur.

    Sub-folders are views if their names say so, or if other labels have the same sub-folders
    with files of other names, because a part is either good or bad.

    Args:
        images: each folder of the label to the images in and below it.
        others: the same for the other labels.

    Returns:
        None if sub-folders do not group images by part.
    """
    by_path, elsewhere = _by_path(images), list(_by_path(others or {}).values())
    for depth in range(1, max(map(len, by_path.values()), default=0)):
        inside = {path: parts for path, parts in by_path.items() if len(parts) > depth}
        found = _at_depth(inside, depth, elsewhere)
        if found is not None:
            return found
    return None


def shared_parts(
    images: Mapping[Path, Sequence[Path]], known: Iterable[PartFolders]
) -> dict[Path, str]:
    """Return images in sub-folders that are parts under another label, with the part's name."""
    names = {name for each in known if not each.by_name for name in each.parts.values()}
    found = {}
    for root, paths in images.items():
        for path in paths:
            parts = path.relative_to(root).parts
            for depth in range(1, len(parts)):
                if (name := _folder(parts, depth)) in names:
                    found[path] = name
    return found


def _by_path(images: Mapping[Path, Sequence[Path]]) -> dict[Path, _Parts]:
    """Return image to the path components below the folder of its label."""
    return {path: path.relative_to(root).parts for root, paths in images.items() for path in paths}


def _at_depth(
    inside: Mapping[Path, _Parts], depth: int, elsewhere: Sequence[_Parts]
) -> PartFolders | None:
    folders = {_folder(parts, depth) for parts in inside.values()}
    if len(folders) < 2:
        return None
    for view_of in (_plain, _without_folder, _without_numbers):
        views = {path: view_of(parts, depth) for path, parts in inside.items()}
        if view_of is _without_numbers and not _are_views(views, inside, depth):
            continue
        places: dict[str, set[str]] = defaultdict(set)
        for path, view in views.items():
            places[view].add(_folder(inside[path], depth))
        recurring = Counter(view for view in views.values() if len(places[view]) > 1)
        if recurring.total() >= max(2, _MIN_RECURRING * len(inside)):
            examples = tuple(view for view, _ in recurring.most_common(_MAX_EXAMPLES))
            by_name = len(folders) < len(places) and (
                all(_is_view(each) for each in folders)
                or _are_shared_views(folders, set(recurring), elsewhere, depth)
            )
            chosen = views if by_name else {p: _folder(v, depth) for p, v in inside.items()}
            return PartFolders(chosen, examples, by_name)
    return None


def _are_shared_views(
    folders: set[str], names: set[str], elsewhere: Sequence[_Parts], depth: int
) -> bool:
    """Whether other labels have the same sub-folders, with none of these file names."""
    others = [parts for parts in elsewhere if len(parts) > depth]
    return folders <= {_folder(parts, depth) for parts in others} and names.isdisjoint(
        _plain(parts, depth) for parts in others
    )


def _folder(parts: _Parts, depth: int) -> str:
    return "/".join(map(_name, parts[:depth]))


def _plain(parts: _Parts, depth: int) -> str:
    """Return the path below a folder, without the file extension."""
    return "/".join(map(_name, (*parts[depth:-1], PurePath(parts[-1]).stem)))


def _without_folder(parts: _Parts, depth: int) -> str:
    """Return the path without the folder's name, for ``SN1/SN1_top.jpg``; not for batch folders."""
    own = _name(parts[depth - 1])
    if _BATCH.fullmatch(own):
        return _plain(parts, depth)
    return re.sub(rf"(?<![a-z0-9]){re.escape(own)}(?![a-z0-9])", "*", _plain(parts, depth))


def _without_numbers(parts: _Parts, depth: int) -> str:
    """Return the path without numbers, for ``SN1/20240501_top.jpg``."""
    return _DIGITS.sub("#", _without_folder(parts, depth))


def _are_views(views: Mapping[Path, str], inside: Mapping[Path, _Parts], depth: int) -> bool:
    """Whether names without numbers are views: most folders have several, and each only once."""
    counts = Counter((_folder(inside[path], depth), view) for path, view in views.items())
    folders = Counter(folder for folder, _ in counts)
    return max(counts.values()) == 1 and 2 * sum(n > 1 for n in folders.values()) > len(folders)


def _is_view(folder: str) -> bool:
    """Whether a name consists of words for views, numbers and single letters."""
    words = _LETTERS.findall(folder.rpartition("/")[2])
    known = [word for word in words if _is_view_word(word)]
    return bool(known) and all(word in known or len(word) == 1 for word in words)


def _is_view_word(word: str) -> bool:
    """Whether a word is in the list, or is two of its words, such as ``topview``."""
    places = range(2, len(word) - 1)
    return word in _VIEW_WORDS or any({word[:n], word[n:]} <= _VIEW_WORDS for n in places)


def _name(part: str) -> str:
    return unicodedata.normalize("NFC", part).strip().casefold()
