"""Reads the folders of days in small pieces, for retention.

A busy line writes a million files per day, so a complete list of them is not held in memory.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from partsight.image_store.save_plan import id_of, is_day, is_left_over

__all__ = ["DAY_S", "Day", "days", "end_of", "newest_day_s", "read_day"]

DAY_S = 86_400
# Directory entries per piece of work: about a millisecond, which blocks other threads.
_ENTRIES_PER_PIECE = 200
# Ids of the oldest parts of a day held at once, about 100 bytes each.
_BATCH = 5_000
# A temporary file this old is not being written any more.
_LEFT_OVER_S = 3_600


@dataclass(frozen=True, slots=True)
class Day:
    """Content of a day's folder.

    Attributes:
        oldest: ids of its first parts, in order; ids sort by time. Some may have only an
            annotated image left.
        frames: total number of frames.
    """

    oldest: tuple[str, ...]
    frames: int


def days(folder: Path) -> list[str]:
    """Return the names of the days' folders, oldest first; empty if ``folder`` does not exist."""
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if is_day(each.name) and each.is_dir())
    except OSError:  # removed or not created yet; the writer reports errors
        return []


def end_of(day: str) -> float:
    """Return the end of a day in Unix seconds; infinity for an invalid date."""
    try:
        start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=timezone.utc)
        return start.timestamp() + DAY_S
    except ValueError:
        return float("inf")


def newest_day_s(folder: Path) -> float | None:
    """Return the end of the newest day with images in Unix seconds; None if there is none."""
    ends = [end_s for end_s in map(end_of, days(folder)) if end_s != float("inf")]
    return max(ends, default=None)


def read_day(folder: Path, now_s: float | None) -> Generator[None, None, Day]:
    """Read a day's folder; yields after each piece of work.

    Args:
        folder: of the day.
        now_s: Unix seconds, to recognize old temporary files; None leaves them.
    """
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


def _pieces(folder: Path, now_s: float | None) -> Iterator[list[str]]:
    """Yield the names in a folder in pieces; old temporary files are removed on the way."""
    names: list[str] = []
    # The folder may be removed by others meanwhile.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if now_s is not None and is_left_over(entry.name):
                _remove_if_old(Path(entry.path), now_s)
            names.append(entry.name)
            if len(names) == _ENTRIES_PER_PIECE:
                yield names
                names = []
    yield names


def _remove_if_old(left_over: Path, now_s: float) -> None:
    with contextlib.suppress(OSError):
        if now_s - left_over.stat().st_mtime > _LEFT_OVER_S:
            left_over.unlink()
