"""Retention: deletes the oldest images that exceed the limits of age, number or free space.

Run by the store's thread in small pieces of work, so that no image waits long to be saved.

A part has a frame and an annotated image next to it. Files that do not belong to the store are
left alone, and so is a day's folder that contains any.
"""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timezone
from pathlib import Path

from partsight.config.pictures import PicturesConfig
from partsight.image_store.day_folders import DAY_S, Day, days, end_of, read_day

__all__ = ["Retention"]

_FRAMES = (".jpg", ".png")
# Parts removed in one piece of work.
_PARTS_PER_PIECE = 20
# Interval of counting again, since people move files away.
_COUNT_EVERY_S = 3_600
# No image is older than this software; one that claims so was dated by a clock that was not set.
_FIRST_DAY_S = datetime(2024, 1, 1, tzinfo=timezone.utc).timestamp()


class Retention:
    """Keeps a folder of images within its limits. For one thread, the one that writes it.

    Args:
        folder: of the pictures; it may be missing.
        config: age and number of parts that are kept at most.
        aim_bytes: free space on the disk that removal aims at.
        free_bytes: returns the free bytes on the disk of a folder.
        now: Unix seconds; None while the clock may be wrong, which suspends deletion by age.
        monotonic: seconds.
    """

    def __init__(
        self,
        folder: Path,
        config: PicturesConfig,
        aim_bytes: int,
        free_bytes: Callable[[Path], int],
        *,
        now: Callable[[], float | None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._config, self._aim_bytes = folder, config, aim_bytes
        self._free_bytes, self._now, self._monotonic = free_bytes, now, monotonic
        self._removed = self._wanted_bytes = 0
        self._counts: collections.Counter[str] = collections.Counter()
        self._counted_at: float | None = None
        self._now_s: float | None = None

    def added(self, day: str) -> None:
        """Count one more part in a day's folder."""
        self._counts[day] += 1

    def steps(self) -> Iterator[None]:
        """Apply the limits once; yields after each piece of work."""
        yield from self._count_again()
        # Computed from file sizes from here on: some disks report freed space late.
        self._wanted_bytes = self._aim_bytes - self._free_bytes(self._folder)
        known = days(self._folder)
        for gone in self._counts.keys() - set(known):
            del self._counts[gone]
        for day in known:
            self._now_s = self._now()  # not for each file: it reads the record of known time
            if self._exceeded(day):
                yield from self._thin(day)

    def _thin(self, day: str) -> Iterator[None]:
        """Remove a day's oldest parts until the limits are met, and its folder once it is empty."""
        progress = True
        while progress:
            before = self._removed
            found = yield from self._read(day)
            for number, part_id in enumerate(found.oldest, 1):
                if not self._exceeded(day):
                    return
                self._remove(day, part_id, old_only=not self._too_much())
                if number % _PARTS_PER_PIECE == 0:
                    yield
            progress = self._removed > before
        with contextlib.suppress(OSError):  # not empty: other files, or parts that stay
            (self._folder / day).rmdir()

    def _exceeded(self, day: str) -> bool:
        """Return whether images of a day may have to be removed.

        A day in the future is that of a camera with a wrong clock; the files have other times.
        """
        now_s = self._now_s
        is_future = now_s is not None and end_of(day) > now_s + 2 * DAY_S
        return self._too_much() or is_future or self._is_old(end_of(day))

    def _too_much(self) -> bool:
        return self._counts.total() > self._config.max_count or self._wanted_bytes > 0

    def _is_old(self, unix_s: float) -> bool:
        now_s = self._now_s
        return now_s is not None and unix_s < now_s - self._config.max_age_days * DAY_S

    def _remove(self, day: str, part_id: str, *, old_only: bool) -> None:
        """Remove a part's files; with ``old_only``, not those that were written recently."""
        for ending in ("-annotated.jpg", *_FRAMES):
            path = self._folder / day / f"{part_id}{ending}"
            # It may be removed already, or protected.
            with contextlib.suppress(OSError):
                status = path.stat()
                written_s = status.st_mtime
                if old_only and not (written_s >= _FIRST_DAY_S and self._is_old(written_s)):
                    continue
                path.unlink()
                self._removed += 1
                self._wanted_bytes -= status.st_size
                self._counts[day] -= ending in _FRAMES

    def _count_again(self) -> Iterator[None]:
        last = self._counted_at
        if last is not None and self._monotonic() - last < _COUNT_EVERY_S:
            return
        self._counted_at = self._monotonic()
        for day in days(self._folder):
            yield from self._read(day)

    def _read(self, day: str) -> Generator[None, None, Day]:
        found = yield from read_day(self._folder / day, self._now())
        self._counts[day] = found.frames
        return found
