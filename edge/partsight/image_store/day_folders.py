"""The folders of days and what is in them, read some names at a time.

A busy line fills a day with a million files, so that no list of them is ever held. Called by
retention, between whose pieces of work the readers here stop.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from partsight.image_store.save_plan import id_of, is_day, is_left_over

__all__ = ["DAY_S", "Day", "days", "end_of", "read_day"]

DAY_S = 86_400
# Directory entries that are read in one piece of work: a millisecond in which no other thread
# of this process gets on.
_ENTRIES_A_PIECE = 200
# Ids of the oldest parts of a day that are held at once, some 100 bytes each.
_BATCH = 5_000
# A left-over this old is nobody's work in progress.
_LEFT_OVER_S = 3_600


@dataclass(frozen=True, slots=True)
class Day:
    """What is kept of a day.

    Attributes:
        oldest: the ids of its first parts, in their order, since ids sort by time. Of some
            there may be nothing but the annotated picture.
        frames: how many frames there are in all.
    """

    oldest: tuple[str, ...]
    frames: int


def days(folder: Path) -> list[str]:
    """The names of the days' folders, the oldest first; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if is_day(each.name) and each.is_dir())
    except OSError:  # removed, or not there yet; the writer tells
        return []


def end_of(day: str) -> float:
    """When a day is over, Unix seconds; one that no calendar has never is."""
    try:
        start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=timezone.utc)
        return start.timestamp() + DAY_S
    except ValueError:
        return float("inf")


def read_day(folder: Path, now_s: float) -> Generator[None, None, Day]:
    """Read what is in a day's folder; yields now and then."""
    oldest: list[str] = []
    fresh: set[str] = set()
    frames = 0
    for names in _pieces(folder, now_s):
        for name in names:
            part_id = id_of(name)
            if part_id is None:
                continue
            frames += len(name) == len(part_id) + len(".jpg")
            if len(oldest) < _BATCH or part_id < oldest[-1]:
                fresh.add(part_id)
        if len(fresh) >= _BATCH:
            oldest = sorted(fresh.union(oldest))[:_BATCH]
            fresh.clear()
        yield
    return Day(tuple(sorted(fresh.union(oldest))[:_BATCH]), frames)


def _pieces(folder: Path, now_s: float) -> Iterator[list[str]]:
    """The names in a folder; what writers that were killed left there is removed on the way."""
    names: list[str] = []
    # Removed by others: then there is nothing, or nothing more.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_left_over(entry.name):
                _remove_if_old(Path(entry.path), now_s)
            names.append(entry.name)
            if len(names) == _ENTRIES_A_PIECE:
                yield names
                names = []
    yield names


def _remove_if_old(left_over: Path, now_s: float) -> None:
    with contextlib.suppress(OSError):
        if now_s - left_over.stat().st_mtime > _LEFT_OVER_S:
            left_over.unlink()
