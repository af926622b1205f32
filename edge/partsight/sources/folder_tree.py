"""A folder and all folders below it: which of them changed since they were last listed.

One stamp is kept per folder, its time of change, so that many old folders cost one ``stat`` each
and no listing. Called by ``arrivals``.
"""

from __future__ import annotations

import itertools
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from partsight.image_files.walk import identities_around

__all__ = ["COARSE_S", "Folder", "FolderTree", "is_coarse"]

# Some filesystems count time in steps of up to so many seconds.
COARSE_S = 2.0

# Device and inode: what a folder is, whatever it is called.
_Identity = tuple[int, int]


@dataclass(slots=True, eq=False)
class Folder:
    """A folder of the tree.

    Attributes:
        name: path from the root with ``/``; empty for the root.
        number: of this folder and no other.
        identity: device and inode when it was first seen.
        parent: the folder that it lies in; None for the root.
        at_home: whether it and those around it still are what they were when first seen. An
            unmounted share leaves an empty folder in its place.
        failing: whether it could not be listed the last time.
        checked_s: when each of its files was last looked at, seconds of the caller's clock.
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
        """The path from the root of what lies in this folder."""
        return f"{self.name}/{name}" if self.name else name


class FolderTree:
    """The folders that are known so far; ``add`` is called with those that a listing shows.

    Args:
        root: the folder that the others lie in.

    Attributes:
        gone: numbers of folders that were removed since this was last emptied.

    Raises:
        OSError: there is no root.
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
        """Where something of the tree is on the disk."""
        return os.path.join(self._root, name)

    def changed(self, now_s: float) -> list[Folder]:
        """The folders to list now: those whose stamp changed, and a second time after that.

        Time on a disk is coarse: what came within the same step shows in the second listing only.

        Raises:
            OSError: the root cannot be read.
        """
        return [each for each in list(self._folders.values()) if self._is_due(each, now_s)]

    def longest_unchecked(self, before_s: float) -> list[Folder]:
        """The folders whose files were last looked at before a moment, oldest first."""
        unchecked = [each for each in self._folders.values() if each.checked_s <= before_s]
        return sorted(unchecked, key=lambda folder: folder.checked_s)

    def add(self, parent: Folder, name: str) -> Folder | None:
        """Take up a folder that a listing shows; None where it is in the tree already.

        A link to a folder of the tree is not followed: its files are there, and it may be a loop.
        Nor is one to a folder around the root, whose files do not belong to it.
        """
        relative = parent.child(name)
        if relative in self._folders:
            return None
        try:
            identity = _identity(os.stat(self.path(relative)))
        except OSError:  # removed since
            return None
        if identity in self._names or identity in self._around:
            return None
        folder = Folder(relative, next(self._numbers), identity, parent)
        self._folders[relative], self._names[identity] = folder, relative
        return folder

    def list_again(self, name: str) -> None:
        """List the folder of a file again at the next look."""
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
        # Of a share that is not mounted, what was in it is not gone.
        if folder.parent is not None and (
            folder.parent.at_home or folder.parent.number in self.gone
        ):
            del self._folders[folder.name]
            self._names.pop(folder.identity, None)
            self.gone.add(folder.number)
        return None


def is_coarse(status: os.stat_result) -> bool:
    """Whether a file's times look like those of a filesystem that counts whole seconds."""
    return status.st_mtime_ns % 10**9 == status.st_ctime_ns % 10**9 == 0


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino
