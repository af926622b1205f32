"""Which files of a folder and of those below it are new or were overwritten.

Called by ``watched_folder``. A folder is listed only when its own time says that something was
added, and listing takes no more than a quarter of the time: there may be 100,000 files. A file
that is overwritten in place does not change its folder: the latest files are looked at each time,
all others every 10 s. What is remembered of a file are two numbers.
"""

from __future__ import annotations

import collections
import contextlib
import heapq
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from partsight.image_files.read import IMAGE_SUFFIXES
from partsight.image_files.walk import is_ignored
from partsight.sources.arrival import Arrival, arrival_of, is_as_before, looked_at_again
from partsight.sources.folder_tree import Folder, FolderTree

__all__ = ["Arrivals"]

# So many new files are known at a time; the others are found again when these are done.
_AHEAD = 1000
# A folder on a network may not tell of changes, and none tells of files that are overwritten.
_RESCAN_S = 10.0
# More is not remembered of files that are no longer there.
_MOST_KNOWN = 200_000
# Of the time that passes, the shares that may go into listing, and into looking at each file; and
# how much of the latter is done at a time, seconds.
_SHARE, _CHECK_SHARE = 0.25, 0.05
_CHECK_S = 0.02
# Of the files that were taken, the latest so many are looked at each time.
_RECENT = 64

# Of 60 bits, which Python keeps in the smallest number object for that many files.
_KEY_MASK = 2**60 - 1
_STAMP_MASK = 2**36 - 1
_NUMBER_BITS = 24
_NUMBER_MASK = (1 << _NUMBER_BITS) - 1


class Arrivals:
    """Remembers what it has told of, as long as it is there.

    A content is known by name, inode, size and time of change: a file that is moved to another
    folder of the tree is not new, one that is overwritten, replaced or touched is.

    Args:
        folder: the watched folder.
        timer: seconds, to measure what a look takes.

    Attributes:
        problems: path and reason of each folder below that cannot be listed, once each time that
            begins; taken away by the caller.

    Raises:
        OSError: the folder cannot be read.
    """

    def __init__(self, folder: Path, timer: Callable[[], float] = time.perf_counter) -> None:
        self._tree, self._timer = FolderTree(folder), timer
        self._known: dict[int, int] = {}  # key to stamp and number of the folder
        self._counts: collections.Counter[int] = collections.Counter()  # known, by folder
        self._waiting: dict[str, Arrival] = {}
        self._recent: dict[str, Arrival] = {}
        self._not_before_s = self._check_not_before_s = float("-inf")
        self.problems: collections.deque[tuple[str, str]] = collections.deque()

    def pass_over(self) -> None:
        """Take all that is there now for known.

        Raises:
            OSError: the folder cannot be read.
        """
        found = self._new(self._tree.changed(float("-inf")), _Listing(True), float("-inf"))
        newest = heapq.nlargest(_RECENT, map(self._passed_over, found))
        self._recent = {name: arrival for _, name, arrival in reversed(newest)}

    def waiting(self, now_s: float) -> list[Arrival]:
        """New and overwritten files, those that arrived first before the others.

        Raises:
            OSError: the folder cannot be read.
        """
        if now_s >= self._not_before_s:
            took_s = self._timed(self._tree.changed(now_s), now_s, check=False)
            self._not_before_s = now_s + took_s / _SHARE
        if now_s >= self._check_not_before_s:
            self._check_not_before_s = now_s + self._check(now_s) / _CHECK_SHARE
        for arrival in list(self._recent.values()):
            self._look_at_recent(arrival, now_s)
        for arrival in list(self._waiting.values()):
            self._look_at(arrival, now_s)
        return list(self._waiting.values())

    def is_unchanged(self, arrival: Arrival) -> bool:
        """Whether a file is still as it was when last looked at."""
        status = self._status(arrival)
        return status is not None and is_as_before(arrival, status)

    def done(self, arrival: Arrival) -> None:
        """It was taken, and is not told of again."""
        del self._waiting[arrival.name]
        self._know(arrival)
        self._recent.pop(arrival.name, None)
        self._recent[arrival.name] = arrival
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]

    def _passed_over(self, found: tuple[int, str, Arrival]) -> tuple[int, str, Arrival]:
        _, name, arrival = found
        self._know(arrival)
        return arrival.changed_ns, name, arrival

    def _know(self, arrival: Arrival) -> None:
        self._claim(arrival.key, _value(arrival.size, arrival.changed_ns, arrival.folder))

    def _claim(self, key: int, value: int) -> None:
        before = self._known.get(key)
        if before is not None:
            self._counts[before & _NUMBER_MASK] -= 1
        self._known[key] = value
        self._counts[value & _NUMBER_MASK] += 1

    def _check(self, now_s: float) -> float:
        """Look at each file of some folders; return the seconds that took."""
        took_s = 0.0
        for folder in self._tree.longest_unchecked(now_s - _RESCAN_S):
            took_s += self._timed([folder], now_s, check=True)
            folder.checked_s = now_s
            if took_s > _CHECK_S:
                break
        return took_s

    def _timed(self, folders: Iterable[Folder], now_s: float, *, check: bool) -> float:
        started_s = self._timer()
        self._list(folders, now_s, check=check)
        return self._timer() - started_s

    def _list(self, folders: Iterable[Folder], now_s: float, *, check: bool) -> None:
        """Find new files, and forget those that are no longer there."""
        room = max(0, _AHEAD - len(self._waiting))
        listing = _Listing(check)
        first = heapq.nsmallest(room + 1, self._new(folders, listing, now_s))
        for _, name, arrival in first[:room]:
            self._waiting[name] = arrival
        if len(first) > room:
            for folder in listing.folders:
                folder.again = True
        self._forget(listing)

    def _new(
        self, due: Iterable[Folder], listing: _Listing, now_s: float
    ) -> Iterator[tuple[int, str, Arrival]]:
        """Time and name to sort by: a rename counts, not the time that a copy keeps."""
        queue = collections.deque(due)
        while queue:
            folder = queue.popleft()
            below: list[str] = []
            try:
                with os.scandir(self._tree.path(folder.name)) as entries:
                    for key, entry in self._unknown(entries, folder, listing):
                        if entry.is_dir():
                            below.append(entry.name)
                        elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:
                            yield from self._if_new(key, entry, folder, listing, now_s)
            except OSError as error:
                self._fail(folder, error)
                continue
            folder.failing = False
            listing.folders.append(folder)
            added = (self._tree.add(folder, name) for name in self._real_first(folder, below))
            queue.extend(each for each in added if each is not None)

    def _unknown(
        self, entries: Iterable[os.DirEntry[str]], folder: Folder, listing: _Listing
    ) -> Iterator[tuple[int, os.DirEntry[str]]]:
        """What is to be looked at more closely; made to be quick for 100,000 known files."""
        known, check, number = self._known, listing.check, folder.number
        for entry in entries:
            key = hash((entry.name, entry.inode())) & _KEY_MASK
            value = known.get(key)
            if value is not None and not check and value & _NUMBER_MASK == number:
                listing.present.add(key)
                listing.seen[number] += 1
            elif not is_ignored(entry.name):
                yield key, entry

    def _real_first(self, folder: Folder, names: list[str]) -> list[str]:
        """Folders before links to them, so that each goes by its own name."""
        return sorted(
            names, key=lambda name: (os.path.islink(self._tree.path(folder.child(name))), name)
        )

    def _if_new(
        self, key: int, entry: os.DirEntry[str], folder: Folder, listing: _Listing, now_s: float
    ) -> Iterator[tuple[int, str, Arrival]]:
        listing.present.add(key)
        known = self._known.get(key)
        listing.seen[folder.number] += known is not None
        name = folder.child(entry.name)
        if name in self._waiting:
            return
        with contextlib.suppress(OSError):  # it has gone since
            if not entry.is_file():
                return
            status = entry.stat()
            value = _value(status.st_size, status.st_mtime_ns, folder.number)
            if known is None or known >> _NUMBER_BITS != value >> _NUMBER_BITS:
                yield status.st_ctime_ns, name, arrival_of(name, key, folder.number, status, now_s)
            elif known != value:  # moved here from another folder
                self._claim(key, value)

    def _fail(self, folder: Folder, error: OSError) -> None:
        if folder.parent is None:
            raise error
        if not folder.failing and not isinstance(error, FileNotFoundError):
            self.problems.append((self._tree.path(folder.name), error.strerror or str(error)))
        folder.failing = True

    def _forget(self, listing: _Listing) -> None:
        # A share that is not mounted leaves an empty folder: its files are not new afterwards.
        over = len(self._known) > _MOST_KNOWN
        shrunk = {
            folder.number
            for folder in listing.folders
            if (folder.at_home or over)
            and listing.seen[folder.number] < self._counts[folder.number]
        } | {number for number in self._tree.gone if self._counts[number]}
        self._tree.gone.clear()
        if not shrunk:
            return
        doomed = [
            key
            for key, value in self._known.items()
            if value & _NUMBER_MASK in shrunk and key not in listing.present
        ]
        for key in doomed:
            self._counts[self._known.pop(key) & _NUMBER_MASK] -= 1

    def _look_at_recent(self, arrival: Arrival, now_s: float) -> None:
        status = self._status(arrival)
        if status is not None and is_as_before(arrival, status):
            return
        del self._recent[arrival.name]
        # Removed, or replaced: then it is found as a new one.
        if status is not None and status.st_ino == arrival.inode:
            self._waiting.setdefault(arrival.name, looked_at_again(arrival, status, now_s))

    def _look_at(self, arrival: Arrival, now_s: float) -> None:
        status = self._status(arrival)
        if status is None:  # removed, or renamed: then it is new under its other name
            del self._waiting[arrival.name]
        elif status.st_ino != arrival.inode:  # replaced: the other is found as a new one
            del self._waiting[arrival.name]
            self._tree.list_again(arrival.name)
        elif not is_as_before(arrival, status):
            self._waiting[arrival.name] = looked_at_again(arrival, status, now_s)

    def _status(self, arrival: Arrival) -> os.stat_result | None:
        try:
            return os.stat(self._tree.path(arrival.name))
        except OSError:
            return None


class _Listing:
    """What a look at some folders has found.

    Args:
        check: whether each file is looked at, also those that are known.

    Attributes:
        present: keys of all pictures.
        seen: how many of them were known, by folder.
        folders: that were listed to their end.
    """

    def __init__(self, check: bool) -> None:
        self.check = check
        self.present: set[int] = set()
        self.seen: collections.Counter[int] = collections.Counter()
        self.folders: list[Folder] = []


def _value(size: int, changed_ns: int, folder: int) -> int:
    stamp = hash((size, changed_ns)) & _STAMP_MASK
    return stamp << _NUMBER_BITS | (folder & _NUMBER_MASK)
