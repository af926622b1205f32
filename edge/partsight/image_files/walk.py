"""Which files and folders of a tree belong to an image set.

The one place for what every command leaves out and how it follows links: ``train``,
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

__all__ = [
    "VIDEO_SUFFIXES",
    "LeftOut",
    "Unlisted",
    "identities_around",
    "is_ignored",
    "lies_in_itself",
    "walk",
]

# Written by file managers, network storage and notebooks beside the user's own files. Casefolded.
_IGNORED_NAMES = frozenset(
    {
        *("@eadir", "@tmp", "#recycle", "#snapshot", "~snapshot"),  # Synology, NetApp
        *("@recycle", "@recently-snapshot"),  # QNAP
        *("__macosx", "network trash folder", "temporary items", "icon\r"),  # macOS
        *("$recycle.bin", "recycler", "recycled", "system volume information"),  # Windows
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "lost+found", "__pycache__"),
    }
)

# Endings of files that OpenCV plays. A video that is named is read; one in a folder is not.
VIDEO_SUFFIXES = frozenset(
    {
        *(".avi", ".divx", ".mkv", ".mk3d", ".webm", ".mov", ".qt", ".mp4", ".m4v", ".3gp", ".3g2"),
        *(".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".tod"),
        *(".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".rm", ".rmvb", ".mxf", ".dv", ".nut"),
        *(".mjpeg", ".mjpg", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".y4m", ".nuv"),
    }
)

_CYCLE = "a link to a folder that it lies in is not followed"
_NO_ENDING = "without ending"

# Device and inode: the folder itself, whatever its name.
_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A folder whose files are not part of the walk.

    Attributes:
        path: the folder.
        reason: why, for people.
        is_cycle: whether it is a link to a folder around it: then no file is missed.
    """

    path: Path
    reason: str
    is_cycle: bool = False


@dataclass(slots=True)
class LeftOut:
    """Collects what a walk met and did not take.

    Attributes:
        endings: number of files that are not read, by their lower-case ending.
        unlisted: folders that were not listed.
    """

    endings: Counter[str] = field(default_factory=Counter)
    unlisted: list[Unlisted] = field(default_factory=list)

    def cycle(self, folder: Path) -> None:
        """Note a link to a folder that it lies in."""
        self.unlisted.append(Unlisted(folder, _CYCLE, is_cycle=True))

    def count(self, file: PurePath, where: str = "") -> None:
        """Count a file that is not read; ``where`` follows its ending in the text."""
        self.endings[(file.suffix.lower() or _NO_ENDING) + where] += 1

    @property
    def unreadable(self) -> dict[Path, str]:
        """Folder to reason, of those whose files are missed."""
        return {each.path: each.reason for each in self.unlisted if not each.is_cycle}

    def cycles(self) -> list[str]:
        """A sentence for each link to a folder that it lies in."""
        return [f"{each.path}: {each.reason}" for each in self.unlisted if each.is_cycle]

    def text(self) -> str | None:
        """One line such as ``12 files not read: 9 .heic, 3 .mp4``, with hints; None for none."""
        total = self.endings.total()
        if not total:
            return None
        kinds = ", ".join(f"{count} {ending}" for ending, count in self.endings.most_common())
        hints = dict.fromkeys(filter(None, map(hint_for, self.endings)))
        files = "file" if total == 1 else "files"
        return ". ".join([f"{total} {files} not read: {kinds}", *hints])


def is_ignored(name: str) -> bool:
    """Whether a file or folder name, without its path, is hidden or a system's own.

    Hidden names start with a dot: ``.ipynb_checkpoints`` and macOS's ``._*`` are among them.
    """
    return name.startswith(".") or name.casefold() in _IGNORED_NAMES


def walk(folder: Path, spelled: Container[str] = ()) -> Iterator[Path | Unlisted]:
    """The files in a folder and below it, by name; one folder is listed at a time.

    Ignored names are left out at every level, but not ``folder`` itself: the user named it.
    Links are followed, except a link to a folder that it lies in.

    Args:
        folder: where to begin.
        spelled: ignored names that are not left out, as the user spelled them.

    Yields:
        Files of any ending in a fixed order, and folders that cannot be listed in their place.
    """
    # Not recursive: folders may lie deeper than Python calls.
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
    """Whether a path leads through a link to a folder around it, as patterns with ``**`` do."""
    path = Path(os.path.abspath(folder))
    try:
        around = [_identity(each) for each in (path, *path.parents)]
    except OSError:
        return False
    return len(set(around)) < len(around)


def identities_around(folder: Path) -> frozenset[_Identity]:
    """The folders that a folder lies in, by its name and by where links lead."""
    parents = {*Path(os.path.abspath(folder)).parents, *Path(os.path.realpath(folder)).parents}
    found = set()
    for parent in parents:
        with contextlib.suppress(OSError):
            found.add(_identity(parent))
    return frozenset(found)


def _identity(folder: Path) -> _Identity:
    status = folder.stat()
    return status.st_dev, status.st_ino
