"""Files of a watched folder that were already taken: two numbers per file, for 100,000 files."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from partsight.sources.folder_tree import Folder

__all__ = ["FOLDER_MASK", "KnownFiles", "Listing", "file_key", "file_stamp"]

# More than this many files are not remembered after they are gone.
_MAX_KNOWN = 200_000
# Keys and stamps have 60 bits, which Python stores in its smallest integer objects of that size.
_KEY_MASK = 2**60 - 1
_STAMP_MASK = 2**36 - 1
_FOLDER_BITS = 24
FOLDER_MASK = (1 << _FOLDER_BITS) - 1


def file_key(name: str, inode: int) -> int:
    """Return the key of a file: its name without the folder, and its inode."""
    return hash((name, inode)) & _KEY_MASK


def file_stamp(size: int, changed_ns: int, folder: int) -> int:
    """Return a number for the content of a file (size and time of change) and its folder."""
    content = hash((size, changed_ns)) & _STAMP_MASK
    return content << _FOLDER_BITS | (folder & FOLDER_MASK)


class Listing:
    """Result of listing some folders.

    Args:
        check: whether every file is checked, also the known ones.

    Attributes:
        present: keys of all image files found.
        seen: number of known files found, by folder.
        folders: folders that were listed completely.
    """

    def __init__(self, check: bool) -> None:
        self.check = check
        self.present: set[int] = set()
        self.seen: collections.Counter[int] = collections.Counter()
        self.folders: list[Folder] = []


class KnownFiles:
    """Keys and stamps of the files that were taken, as long as they exist.

    Attributes:
        stamps: stamp by key.
    """

    def __init__(self) -> None:
        self.stamps: dict[int, int] = {}
        self._counts: collections.Counter[int] = collections.Counter()  # by folder

    def add(self, key: int, stamp: int) -> None:
        """Remember a file, or its new content or folder."""
        before = self.stamps.get(key)
        if before is not None:
            self._counts[before & FOLDER_MASK] -= 1
        self.stamps[key] = stamp
        self._counts[stamp & FOLDER_MASK] += 1

    def has_content(self, key: int, stamp: int) -> bool:
        """Return whether a file is known with the same content, in any folder."""
        known = self.stamps.get(key)
        return known is not None and known >> _FOLDER_BITS == stamp >> _FOLDER_BITS

    def forget_missing(self, listing: Listing, removed: Iterable[int]) -> None:
        """Forget the files that were not found in listed folders, and those in removed ones.

        Args:
            listing: a listing of some folders.
            removed: numbers of folders that do not exist any more.
        """
        # An unmounted share leaves an empty folder: its files are not new when it is back.
        over = len(self.stamps) > _MAX_KNOWN
        shrunk = {
            folder.number
            for folder in listing.folders
            if (folder.at_home or over)
            and listing.seen[folder.number] < self._counts[folder.number]
        } | {number for number in removed if self._counts[number]}
        if not shrunk:
            return
        missing = [
            key
            for key, stamp in self.stamps.items()
            if stamp & FOLDER_MASK in shrunk and key not in listing.present
        ]
        for key in missing:
            self._counts[self.stamps.pop(key) & FOLDER_MASK] -= 1
