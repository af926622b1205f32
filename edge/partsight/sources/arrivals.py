"""Which files of a folder are new, by looking at it now and then.

Called by ``watched_folder``. It is looked at by ``os.scandir`` only when the folder's own time
says that something was added, and no longer than a tenth of the time: folders grow to 100,000
files. What is remembered of a file is one number.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from partsight.pictures import PICTURE_SUFFIXES

__all__ = ["Arrival", "Arrivals"]

# So many new files are known at a time; the others are found again when these are done.
_AHEAD = 1000
# A folder on a network may not tell of changes.
_RESCAN_S = 10.0
# More is not remembered of files that are no longer there.
_MOST_KNOWN = 200_000
# Of the time that passes, the share that may go into looking.
_SHARE = 0.1


@dataclass(slots=True)
class Arrival:
    """A file that is new.

    Attributes:
        name: within the folder.
        key: what it is remembered by.
        inode: which file it is, whatever it is called.
        size: bytes when last looked at.
        changed_ns: when its content was last written.
        unchanged_since_s: since when size and time are the same, seconds of the caller's clock.
        renamed: whether something was done to it after it was last written: a rename.
        tried: whether it was read already, in vain.
    """

    name: str
    key: int
    inode: int
    size: int
    changed_ns: int
    unchanged_since_s: float
    renamed: bool
    tried: bool = False


class Arrivals:
    """Remembers what it has told of, as long as it is there.

    Args:
        folder: what is looked at; not below it.
        timer: seconds, to measure what a look takes.

    Raises:
        OSError: the folder cannot be read.
    """

    def __init__(self, folder: Path, timer: Callable[[], float] = time.perf_counter) -> None:
        self._folder, self._timer = folder, timer
        self._known: set[int] = set()
        self._waiting: dict[int, Arrival] = {}
        self._stamp_ns = -1
        self._home = _identity(os.stat(folder))
        self._again = True
        self._not_before_s = self._at_latest_s = float("-inf")

    def pass_over(self) -> None:
        """Take all that is there now for known.

        Raises:
            OSError: the folder cannot be read.
        """
        self._known = {key for key, _ in self._pictures()}

    def waiting(self, now_s: float) -> list[Arrival]:
        """New files, those that arrived first before the others.

        Raises:
            OSError: the folder cannot be read.
        """
        status = os.stat(self._folder)
        changed = status.st_mtime_ns != self._stamp_ns
        if now_s >= self._not_before_s and (changed or self._again or now_s >= self._at_latest_s):
            started_s = self._timer()
            left = self._scan(now_s, at_home=_identity(status) == self._home)
            took_s = self._timer() - started_s
            # Its time is coarse: what came within the same tick is seen by a second look.
            self._stamp_ns, self._again = status.st_mtime_ns, changed or left
            self._not_before_s = now_s + took_s / _SHARE
            self._at_latest_s = now_s + max(_RESCAN_S, took_s / _SHARE)
        for arrival in list(self._waiting.values()):
            self._look_at(arrival, now_s)
        return list(self._waiting.values())

    def done(self, arrival: Arrival) -> None:
        """It was taken, and is not told of again."""
        del self._waiting[arrival.key]
        self._known.add(arrival.key)

    def _pictures(self) -> Iterator[tuple[int, os.DirEntry[str]]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                # Not is_picture: a Path for each of 100,000 files takes half a second.
                suffix = os.path.splitext(entry.name)[1].lower()
                if suffix in PICTURE_SUFFIXES and entry.name[0] != ".":
                    yield hash((entry.name, entry.inode())), entry

    def _scan(self, now_s: float, *, at_home: bool) -> bool:
        """Find new files; return whether there are more than were taken up."""
        room = _AHEAD - len(self._waiting)
        present: set[int] = set()
        first = heapq.nsmallest(room + 1, self._new(present, now_s))
        for _, _, arrival in first[:room]:
            self._waiting[arrival.key] = arrival
        # A share that is not mounted leaves an empty folder: its files are not new afterwards.
        if at_home or len(self._known) > _MOST_KNOWN:
            self._known &= present
        return len(first) > room

    def _new(self, present: set[int], now_s: float) -> Iterator[tuple[int, str, Arrival]]:
        """Time and name to sort by: a rename counts, not the time that a copy keeps."""
        for key, entry in self._pictures():
            present.add(key)
            if key in self._known or key in self._waiting:
                continue
            with contextlib.suppress(OSError):  # it has gone since
                if entry.is_file():
                    status = entry.stat()
                    yield status.st_ctime_ns, entry.name, _arrival(entry.name, key, status, now_s)

    def _look_at(self, arrival: Arrival, now_s: float) -> None:
        try:
            status = os.stat(self._folder / arrival.name)
        except OSError:  # removed, or renamed: then it is new under its other name
            del self._waiting[arrival.key]
            return
        if status.st_ino != arrival.inode:  # replaced: the other is found as a new one
            del self._waiting[arrival.key]
        elif (status.st_size, status.st_mtime_ns) != (arrival.size, arrival.changed_ns):
            self._waiting[arrival.key] = _arrival(arrival.name, arrival.key, status, now_s)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _arrival(name: str, key: int, status: os.stat_result, now_s: float) -> Arrival:
    renamed = status.st_size > 0 and status.st_ctime_ns > status.st_mtime_ns
    return Arrival(name, key, status.st_ino, status.st_size, status.st_mtime_ns, now_s, renamed)
