"""Finds new and overwritten files in a folder and the folders below it, for ``watched_folder``.

A folder is listed only if its time of change says that something was added, and listing takes at
most a quarter of the time: there may be 100,000 files. Overwriting a file in place does not change
its folder, so the latest files are checked each time and all others every 10 s.
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
from partsight.sources.known_files import (
    FOLDER_MASK,
    KnownFiles,
    Listing,
    file_key,
    file_stamp,
)

__all__ = ["Arrivals"]

# Number of new files held at a time; others are found again when these are done.
_MAX_WAITING = 1000
# Interval of a full check: network folders may not report changes, and no folder reports files
# that are overwritten in place.
_RECHECK_S = 10.0
# Shares of the elapsed time for listing folders and for checking files, and the longest time of
# one check in seconds.
_LIST_SHARE, _CHECK_SHARE = 0.25, 0.05
_CHECK_S = 0.02
# Number of recently taken files that are checked each time.
_RECENT = 64


class Arrivals:
    """Finds each content of a file once.

    A content is identified by name, inode, size and time of change: a file moved to another folder
    of the tree is not new; one that is overwritten, replaced or touched is.

    Args:
        folder: the watched folder.
        timer: seconds, to measure the time of a listing.

    Attributes:
        problems: path and reason of each folder that cannot be listed, once per outage; removed by
            the caller.

    Raises:
        OSError: the folder cannot be read.
    """

    def __init__(self, folder: Path, timer: Callable[[], float] = time.perf_counter) -> None:
        self._tree, self._timer = FolderTree(folder), timer
        self._known = KnownFiles()
        self._waiting: dict[str, Arrival] = {}
        self._recent: dict[str, Arrival] = {}
        self._not_before_s = self._check_not_before_s = float("-inf")
        self.problems: collections.deque[tuple[str, str]] = collections.deque()

    def skip_existing(self) -> None:
        """Mark all existing files as known.

        Raises:
            OSError: the folder cannot be read.
        """
        found = self._new(self._tree.changed(float("-inf")), Listing(True), float("-inf"))
        newest = heapq.nlargest(_RECENT, map(self._skipped, found))
        self._recent = {name: arrival for _, name, arrival in reversed(newest)}

    def waiting(self, now_s: float) -> list[Arrival]:
        """Return new and overwritten files in the order of their arrival.

        Raises:
            OSError: the folder cannot be read.
        """
        if now_s >= self._not_before_s:
            took_s = self._timed(self._tree.changed(now_s), now_s, check=False)
            self._not_before_s = now_s + took_s / _LIST_SHARE
        if now_s >= self._check_not_before_s:
            self._check_not_before_s = now_s + self._check(now_s) / _CHECK_SHARE
        for arrival in list(self._recent.values()):
            self._check_recent(arrival, now_s)
        for arrival in list(self._waiting.values()):
            self._check_waiting(arrival, now_s)
        return list(self._waiting.values())

    def is_unchanged(self, arrival: Arrival) -> bool:
        """Return whether a file has not changed since it was last checked."""
        status = self._status(arrival)
        return status is not None and is_as_before(arrival, status)

    def done(self, arrival: Arrival) -> None:
        """Mark a file as taken."""
        del self._waiting[arrival.name]
        self._know(arrival)
        self._recent.pop(arrival.name, None)
        self._recent[arrival.name] = arrival
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]

    def _skipped(self, found: tuple[int, str, Arrival]) -> tuple[int, str, Arrival]:
        _, name, arrival = found
        self._know(arrival)
        return arrival.changed_ns, name, arrival

    def _know(self, arrival: Arrival) -> None:
        stamp = file_stamp(arrival.size, arrival.changed_ns, arrival.folder)
        self._known.add(arrival.key, stamp)

    def _check(self, now_s: float) -> float:
        """Check each file of some folders; return the seconds it took."""
        took_s = 0.0
        for folder in self._tree.longest_unchecked(now_s - _RECHECK_S):
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
        """Find new files, and forget those that do not exist any more."""
        room = max(0, _MAX_WAITING - len(self._waiting))
        listing = Listing(check)
        first = heapq.nsmallest(room + 1, self._new(folders, listing, now_s))
        for _, name, arrival in first[:room]:
            self._waiting[name] = arrival
        if len(first) > room:
            for folder in listing.folders:
                folder.again = True
        self._known.forget_missing(listing, self._tree.gone)
        self._tree.gone.clear()

    def _new(
        self, due: Iterable[Folder], listing: Listing, now_s: float
    ) -> Iterator[tuple[int, str, Arrival]]:
        """Yield new files with time and name to sort by. The time is that of a rename, if any."""
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
        self, entries: Iterable[os.DirEntry[str]], folder: Folder, listing: Listing
    ) -> Iterator[tuple[int, os.DirEntry[str]]]:
        """Yield entries that may be new; must be fast for 100,000 known files."""
        known, check, number = self._known.stamps, listing.check, folder.number
        for entry in entries:
            key = file_key(entry.name, entry.inode())
            stamp = known.get(key)
            if stamp is not None and not check and stamp & FOLDER_MASK == number:
                listing.present.add(key)
                listing.seen[number] += 1
            elif not is_ignored(entry.name):
                yield key, entry

    def _real_first(self, folder: Folder, names: list[str]) -> list[str]:
        """Sort folders before links, so that each folder is listed under its own name."""
        return sorted(
            names, key=lambda name: (os.path.islink(self._tree.path(folder.child(name))), name)
        )

    def _if_new(
        self, key: int, entry: os.DirEntry[str], folder: Folder, listing: Listing, now_s: float
    ) -> Iterator[tuple[int, str, Arrival]]:
        listing.present.add(key)
        listing.seen[folder.number] += key in self._known.stamps
        name = folder.child(entry.name)
        if name in self._waiting:
            return
        with contextlib.suppress(OSError):  # removed meanwhile
            if not entry.is_file():
                return
            status = entry.stat()
            stamp = file_stamp(status.st_size, status.st_mtime_ns, folder.number)
            if not self._known.has_content(key, stamp):
                yield status.st_ctime_ns, name, arrival_of(name, key, folder.number, status, now_s)
            else:  # perhaps moved here from another folder
                self._known.add(key, stamp)

    def _fail(self, folder: Folder, error: OSError) -> None:
        if folder.parent is None:
            raise error
        if not folder.failing and not isinstance(error, FileNotFoundError):
            self.problems.append((self._tree.path(folder.name), error.strerror or str(error)))
        folder.failing = True

    def _check_recent(self, arrival: Arrival, now_s: float) -> None:
        status = self._status(arrival)
        if status is not None and is_as_before(arrival, status):
            return
        del self._recent[arrival.name]
        # A removed or replaced file is found as a new one.
        if status is not None and status.st_ino == arrival.inode:
            self._waiting.setdefault(arrival.name, looked_at_again(arrival, status, now_s))

    def _check_waiting(self, arrival: Arrival, now_s: float) -> None:
        status = self._status(arrival)
        if status is None:  # removed, or renamed and then new under its other name
            del self._waiting[arrival.name]
        elif status.st_ino != arrival.inode:  # replaced: the new file is found
            del self._waiting[arrival.name]
            self._tree.list_again(arrival.name)
        elif not is_as_before(arrival, status):
            self._waiting[arrival.name] = looked_at_again(arrival, status, now_s)

    def _status(self, arrival: Arrival) -> os.stat_result | None:
        try:
            return os.stat(self._tree.path(arrival.name))
        except OSError:
            return None
