"""Detects which folders of a tree changed since they were last listed, for ``arrivals``.

The time of change is kept per folder, so that an old folder costs one ``stat`` and no listing.
"""

from __future__ import annotations

import itertools
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from partsight.image_files.walk import identities_around

__all__ = ["COARSE_S", "Folder", "FolderTree", "is_coarse"]

# Largest step of the file times of common filesystems, in seconds.
COARSE_S = 2.0

# Device and inode, which identify a folder independent of its name.
_Identity = tuple[int, int]


@dataclass(slots=True, eq=False)
class Folder:
    """A folder of the tree.

    Attributes:
        name: path from the root with ``/``; empty for the root.
        number: unique number of the folder.
        identity: device and inode when it was first seen.
        parent: the parent folder; None for the root.
        at_home: whether it and its parents are still the folders that were first seen. An
            unmounted share leaves an empty folder in its place.
        failing: whether the last listing failed.
        stamp_ns: time of change at the last listing.
        again: whether to list it again at the next look.
        again_until_s: until when to list it again at each look, since its time may be coarse.
        checked_s: when all its files were last checked, seconds of the caller's clock.
    """

    name: str
    number: int
    identity: _Identity
    parent: Folder | None
    at_home: bool = True
    failing: bool = False
    stamp_ns: int = -1
    again: bool = True
    again_until_s: float = float("-inf")
    checked_s: float = float("-inf")

    def child(self, name: str) -> str:
        """Return the path from the root of an entry of this folder."""
        return f"{self.name}/{name}" if self.name else name


class FolderTree:
    """The folders found so far; ``add`` is called with each folder in a listing.

    Args:
        root: the root of the tree.

    Attributes:
        gone: numbers of removed folders; cleared by the caller.

    Raises:
        OSError: the root does not exist.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = itertools.count()
        identity = _identity(os.stat(root))
        self._folders = {"": Folder("", next(self._numbers), identity, None)}
        self._names: dict[_Identity, str] = {identity: ""}
        self._around = identities_around(root)
        self.gone: set[int] = set()

    def path(self, name: str) -> str:
        """Return the path on the disk of a name in the tree."""
        return os.path.join(self._root, name)

    def changed(self, now_s: float) -> list[Folder]:
        """Return the folders to list now: those that changed, and each of them a second time.

        File times are coarse: a file added within the same step is found in the second listing.

        Raises:
            OSError: the root cannot be read.
        """
        return [each for each in list(self._folders.values()) if self._is_due(each, now_s)]

    def longest_unchecked(self, before_s: float) -> list[Folder]:
        """Return the folders whose files were last checked before a time, oldest first."""
        unchecked = [each for each in self._folders.values() if each.checked_s <= before_s]
        return sorted(unchecked, key=lambda folder: folder.checked_s)

    def add(self, parent: Folder, name: str) -> Folder | None:
        """Add a folder found in a listing; return None if it is in the tree already.

        A link to a folder of the tree is not followed, as it may be a loop. A link to a parent of
        the root is not followed either.
        """
        relative = parent.child(name)
        if relative in self._folders:
            return None
        try:
            identity = _identity(os.stat(self.path(relative)))
        except OSError:  # removed meanwhile
            return None
        if identity in self._names or identity in self._around:
            return None
        folder = Folder(relative, next(self._numbers), identity, parent)
        self._folders[relative], self._names[identity] = folder, relative
        return folder

    def list_again(self, name: str) -> None:
        """List the folder of a file again next time."""
        folder = self._folders.get(name.rpartition("/")[0])
        if folder is not None:
            folder.again = True

    def _is_due(self, folder: Folder, now_s: float) -> bool:
        status = self._status(folder)
        if status is None:
            return False
        around = folder.parent is None or folder.parent.at_home
        folder.at_home = around and _identity(status) == folder.identity
        changed = status.st_mtime_ns != folder.stamp_ns
        if changed:
            folder.stamp_ns = status.st_mtime_ns
            folder.again_until_s = now_s + COARSE_S * is_coarse(status)
        due = changed or folder.again or folder.failing or now_s < folder.again_until_s
        folder.again = changed
        return due

    def _status(self, folder: Folder) -> os.stat_result | None:
        try:
            status = os.stat(self.path(folder.name))
            if folder.parent is None or stat.S_ISDIR(status.st_mode):
                return status
        except OSError:
            if folder.parent is None:
                raise
        folder.at_home = False
        # If a share is not mounted, the folders in it are not gone.
        if folder.parent is not None and (
            folder.parent.at_home or folder.parent.number in self.gone
        ):
            del self._folders[folder.name]
            self._names.pop(folder.identity, None)
            self.gone.add(folder.number)
        return None


def is_coarse(status: os.stat_result) -> bool:
    """Return whether a file's times have whole seconds, as on coarse filesystems."""
    return status.st_mtime_ns % 10**9 == status.st_ctime_ns % 10**9 == 0


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino
