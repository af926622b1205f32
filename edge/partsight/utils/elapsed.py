"""Time that is known to have passed, for deletion by age: a wrong clock must delete nothing.

Within one boot, time is counted by a clock that never jumps. While the machine is off, only the
wall clock counts, and it may be wrong: a device without a battery starts in 1970, and people
mistype years. Up to a day is believed. A greater difference suspends deletion by age until the
clock is confirmed, by NTP or by a person (``partsight journal confirm-clock``), or shows the
expected time again.

The scale of known time starts as Unix time. It never goes back; after a confirmed correction of the
clock the two differ by a constant.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from partsight.errors import OutputError
from partsight.utils.clock_record import DAY_S, ClockRecord, advanced, anchored, read_record
from partsight.utils.clocks import Clocks
from partsight.utils.files import write_atomic

__all__ = ["ElapsedTime", "confirm_clock", "record_path"]

logger = logging.getLogger(__name__)

# A crash loses what passed since the last record only if the machine restarts too.
_SAVE_EVERY_S = 600.0


class ElapsedTime:
    """Known time, kept in a file from one start to the next. Thread-safe.

    Args:
        path: of the record; written at times, whole or not at all.
        newest_s: Unix seconds of the newest data to be deleted by age; used without a record. None
            if there are no data.
        on_change: called with the reason when deletion by age is suspended, and with None when it
            goes on.
        clocks: of this machine.
    """

    def __init__(
        self,
        path: Path,
        newest_s: float | None = None,
        on_change: Callable[[str | None], None] = lambda reason: None,
        clocks: Clocks | None = None,
    ) -> None:
        self._path, self._on_change, self._clocks = path, on_change, clocks or Clocks()
        self._lock = threading.Lock()
        self._record = _loaded(path) or self._first(newest_s)
        self._suspended: str | None = None
        self._saved_at: float | None = None
        self.update()

    @property
    def suspended(self) -> str | None:
        """Why nothing may be deleted for its age; None if it may."""
        return self._suspended

    def known_s(self) -> float:
        """Known time in seconds: the latest that is known to have passed; it never goes back."""
        self.update()
        return self._record.known_s

    @property
    def certain(self) -> bool:
        """Whether known time cannot be too small: the clock was confirmed since the last start."""
        return not self._record.unseen

    def wall_of(self, known_s: float) -> float:
        """Unix seconds of a known time, by the last believed wall clock."""
        return known_s - self._record.shift_s

    def now(self) -> float | None:
        """Unix seconds by the believed wall clock; None while deletion by age is suspended."""
        known_s = self.known_s()
        return None if self.suspended is not None else self.wall_of(known_s)

    def update(self) -> None:
        """Read the clocks; call it about once per minute."""
        with self._lock:
            before = self._suspended
            self._record, drift_s = advanced(self._record, self._clocks)
            if self._clocks.synchronized(self._record.wall_s) or self._is_confirmed():
                self._record, drift_s = anchored(self._record), 0.0
            self._suspended = None if abs(drift_s) <= DAY_S else _reason(drift_s)
            # The reason has whole days, which may change without news.
            changed = (before is None) != (self._suspended is None)
            self._save(at_once=changed)
            reason = self._suspended
        if changed:
            self._on_change(reason)

    def _first(self, newest_s: float | None) -> ClockRecord:
        """Without a record, nothing is known to have passed since the newest data."""
        wall_s, since_boot_s = self._clocks.wall(), self._clocks.since_boot()
        if newest_s is None:
            return ClockRecord(wall_s, wall_s, since_boot_s, self._clocks.boot())
        return ClockRecord(newest_s, newest_s, since_boot_s, boot="", unseen=True)

    def _is_confirmed(self) -> bool:
        """Take a person's confirmation, which is valid for the clock that the person saw."""
        place = _confirmation(self._path)
        try:
            seen = read_record(place)
        except FileNotFoundError:
            return False
        except (OSError, ValueError) as error:
            logger.warning("the confirmation %s cannot be read: %s", place, error)
            seen = None
        with contextlib.suppress(OSError):
            place.unlink()
        if seen is None:
            return False
        _, drift_s = advanced(replace(seen, shift_s=seen.known_s - seen.wall_s), self._clocks)
        return abs(drift_s) <= DAY_S

    def _save(self, *, at_once: bool) -> None:
        since_boot_s = self._record.since_boot_s
        last = self._saved_at
        if not at_once and last is not None and since_boot_s - last < _SAVE_EVERY_S:
            return
        self._saved_at = since_boot_s
        try:
            write_atomic(self._path, json.dumps(asdict(self._record)).encode())
        except OutputError as error:
            logger.warning("cannot save the record of known time: %s", error)


def record_path(journal: Path | None, images: Path | None) -> Path | None:
    """Return the path of the record: next to the journal, else in the folder of images."""
    if journal is not None:
        journal = journal.resolve()
        return journal.with_name(journal.name + ".clock")
    return None if images is None else images / ".clock"


def confirm_clock(path: Path, clocks: Clocks | None = None) -> None:
    """Confirm, as a person, that the wall clock is right; the line reads it within a minute.

    Args:
        path: of the record, see ``ElapsedTime``.
        clocks: of this machine.

    Raises:
        OutputError: the confirmation cannot be written.
    """
    clocks = clocks or Clocks()
    wall_s = clocks.wall()
    seen = ClockRecord(wall_s, wall_s, clocks.since_boot(), clocks.boot())
    write_atomic(_confirmation(path), json.dumps(asdict(seen)).encode())


def _reason(drift_s: float) -> str:
    way = "ahead of" if drift_s > 0 else "behind"
    return (
        f"the clock is {abs(drift_s) / DAY_S:.0f} days {way} the known time. "
        "Nothing is deleted for its age until NTP sets the clock, or until somebody checks it with "
        "'date' and runs 'partsight journal confirm-clock'"
    )


def _confirmation(path: Path) -> Path:
    return path.with_name(path.name + ".confirmed")


def _loaded(path: Path) -> ClockRecord | None:
    try:
        return read_record(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning(
            "the record of known time %s cannot be read, a new one starts: %s", path, error
        )
        return None
