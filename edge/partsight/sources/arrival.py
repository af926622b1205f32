"""A file that is new in a watched folder, or was overwritten, and when it may have changed."""

from __future__ import annotations

import os
from dataclasses import dataclass

from partsight.sources.folder_tree import is_coarse

__all__ = ["Arrival", "arrival_of", "is_as_before", "looked_at_again"]


@dataclass(slots=True)
class Arrival:
    """A file that is new, or was overwritten.

    Attributes:
        name: path from the watched folder, with ``/``.
        key: name within its folder and inode.
        folder: number of its folder.
        inode: which file it is, whatever it is called.
        size: bytes when last looked at.
        changed_ns: when its content was last written.
        unchanged_since_s: since when size and time are the same, seconds of the caller's clock.
        renamed: whether something was done to it after it was last written: a rename.
        coarse: whether its time may hide that it was written to twice.
        tried: whether it was read already, in vain.
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
    """A file as the system describes it now; see ``Arrival``."""
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
    """The same file after it was written to."""
    return arrival_of(arrival.name, arrival.key, arrival.folder, status, now_s)


def is_as_before(arrival: Arrival, status: os.stat_result) -> bool:
    """Whether a file is the one that was looked at, and was not written to since."""
    before = (arrival.inode, arrival.size, arrival.changed_ns)
    return (status.st_ino, status.st_size, status.st_mtime_ns) == before
