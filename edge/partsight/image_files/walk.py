"""Walks the folders of an image set.

The only definition of the files that are left out and of how links are followed, for ``train``,
``check-data``, ``evaluate``, ``classify`` and folders as sources.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from partsight.image.formats import hint_for
from partsight.utils.counts import counted

__all__ = [
    "VIDEO_SUFFIXES",
    "LeftOut",
    "Unlisted",
    "identities_around",
    "is_ignored",
    "lies_in_itself",
    "walk",
]

# Created by file managers, network storage and notebooks. Casefolded.
_IGNORED_NAMES = frozenset(
    {
        *("@eadir", "@tmp", "#recycle", "#snapshot", "~snapshot"),  # Synology, NetApp
        *("@recycle", "@recently-snapshot"),  # QNAP
        *("__macosx", "network trash folder", "temporary items", "icon\r"),  # macOS
        *("$recycle.bin", "recycler", "recycled", "system volume information"),  # Windows
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "lost+found", "__pycache__"),
    }
)

# Endings of videos. A video that the user names is read; one in a folder is not.
VIDEO_SUFFIXES = frozenset(
    {
        *(".avi", ".divx", ".mkv", ".mk3d", ".webm", ".mov", ".qt", ".mp4", ".m4v", ".3gp", ".3g2"),
        *(".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".tod"),
        *(".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".rm", ".rmvb", ".mxf", ".dv", ".nut"),
        *(".mjpeg", ".mjpg", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".y4m", ".nuv"),
    }
)

_CYCLE = "a link to one of its parent folders is not followed"
_NO_ENDING = "without ending"

# Device and inode: the folder itself, whatever its name.
_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder that was not listed.

    Attributes:
        path: the folder.
        reason: for messages.
        is_cycle: whether it is a link to one of its parents; then no file is missing.
    """

    path: Path
    reason: str
    is_cycle: bool = False


@dataclass(slots=True)
class LeftOut:
    """Collects the files and folders that a walk left out.

    Attributes:
        endings: number of files that are not read, by their lower-case ending.
        unlisted: folders that were not listed.
    """

    endings: Counter[str] = field(default_factory=Counter)
    unlisted: list[Unlisted] = field(default_factory=list)

    def cycle(self, folder: Path) -> None:
        """Add a link to one of its parent folders."""
        self.unlisted.append(Unlisted(folder, _CYCLE, is_cycle=True))

    def count(self, file: PurePath, where: str = "") -> None:
        """Count a file that is not read; ``where`` is appended to its ending in the text."""
        self.endings[(file.suffix.lower() or _NO_ENDING) + where] += 1

    @property
    def unreadable(self) -> dict[Path, str]:
        """Folders whose files are missing, with the reasons."""
        return {each.path: each.reason for each in self.unlisted if not each.is_cycle}

    def cycles(self) -> list[str]:
        """A sentence for each link to a folder that it lies in."""
        return [f"{each.path}: {each.reason}" for each in self.unlisted if each.is_cycle]

    def text(self) -> str | None:
        """One line such as ``12 files not read: 9 .heic, 3 .mp4``, with hints; None if empty."""
        total = self.endings.total()
        if not total:
            return None
        kinds = ", ".join(f"{count} {ending}" for ending, count in self.endings.most_common())
        hints = dict.fromkeys(filter(None, map(hint_for, self.endings)))
        return ". ".join([f"{counted(total, 'file')} not read: {kinds}", *hints])


def is_ignored(name: str) -> bool:
    """Whether a file or folder name, without its path, is hidden or belongs to the system.

    Hidden names start with a dot, such as ``.ipynb_checkpoints`` and macOS's ``._*``.
    """
    return name.startswith(".") or name.casefold() in _IGNORED_NAMES


def walk(folder: Path, spelled: Container[str] = ()) -> Iterator[Path | Unlisted]:
    """The files in a folder and below it, by name; one folder is listed at a time.

    Ignored names are left out at every level, except ``folder`` itself. Links are followed, except
    a link to one of its parents.

    Args:
        folder: the root.
        spelled: names that are not left out even if they are ignored names.

    Yields:
        Files with any ending in a fixed order, and folders that cannot be listed at their position.
    """
    # Not recursive: folders may be nested deeper than Python's recursion limit.
    todo: list[tuple[Path, frozenset[_Identity]]] = [(folder, identities_around(folder))]
    while todo:
        path, around = todo.pop()
        if not os.path.isdir(path):
            yield path
            continue
        try:
            identity = _identity(path)
            if identity in around:
                yield Unlisted(path, _CYCLE, is_cycle=True)
                continue
            names = sorted(os.listdir(path), reverse=True)
        except OSError as error:
            yield Unlisted(path, f"the folder cannot be read: {error.strerror or error}")
            continue
        within = around | {identity}
        taken = (name for name in names if name in spelled or not is_ignored(name))
        todo.extend((path / name, within) for name in taken)


@functools.lru_cache(maxsize=4096)
def lies_in_itself(folder: Path) -> bool:
    """Whether a path leads through a link to one of its own parents."""
    path = Path(os.path.abspath(folder))
    try:
        around = [_identity(each) for each in (path, *path.parents)]
    except OSError:
        return False
    return len(set(around)) < len(around)


def identities_around(folder: Path) -> frozenset[_Identity]:
    """The identities of a folder's parents, by its path and by its resolved path."""
    parents = {*Path(os.path.abspath(folder)).parents, *Path(os.path.realpath(folder)).parents}
    found = set()
    for parent in parents:
        with contextlib.suppress(OSError):
            found.add(_identity(parent))
    return frozenset(found)


def _identity(folder: Path) -> _Identity:
    status = folder.stat()
    return status.st_dev, status.st_ino
