"""A new or overwritten file in a watched folder."""

from __future__ import annotations

import os
from dataclasses import dataclass

from partsight.sources.folder_tree import is_coarse

__all__ = ["Arrival", "arrival_of", "is_as_before", "looked_at_again"]


@dataclass(slots=True)
class Arrival:
    """A new or overwritten file.

    Attributes:
        name: path from the watched folder, with ``/``.
        key: see ``known_files.file_key``.
        folder: number of its folder.
        inode: of the file.
        size: bytes at the last check.
        changed_ns: time of the last write.
        unchanged_since_s: since when size and time are unchanged, seconds of the caller's clock.
        renamed: whether it was renamed after the last write.
        coarse: whether its time has whole seconds, so that a second write may go unnoticed.
        tried: whether reading it has already failed.
    """

    name: str
    key: int
    folder: int
    inode: int
    size: int
    changed_ns: int
    unchanged_since_s: float
    renamed: bool
    coarse: bool
    tried: bool = False


def arrival_of(name: str, key: int, folder: int, status: os.stat_result, now_s: float) -> Arrival:
    """Make an ``Arrival`` from the status of a file."""
    renamed = status.st_size > 0 and status.st_ctime_ns > status.st_mtime_ns
    return Arrival(
        name,
        key,
        folder,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        now_s,
        renamed,
        is_coarse(status),
    )


def looked_at_again(arrival: Arrival, status: os.stat_result, now_s: float) -> Arrival:
    """Return the same file with its new status."""
    return arrival_of(arrival.name, arrival.key, arrival.folder, status, now_s)


def is_as_before(arrival: Arrival, status: os.stat_result) -> bool:
    """Return whether a file is the same and was not written since the last check."""
    before = (arrival.inode, arrival.size, arrival.changed_ns)
    return (status.st_ino, status.st_size, status.st_mtime_ns) == before
