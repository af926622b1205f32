"""Which rows of a journal are older than a limit, by their sequence and by known time.

The times in rows are the wall clock's, which may have been wrong. So the last sequence number is
noted with the known time, at intervals: all rows up to it are at least that old. Rows from before
the first note, of an older version, are dated by their own times, once the clock is confirmed.
"""

from __future__ import annotations

import bisect
import contextlib
import json
import logging
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from pydantic import FiniteFloat, TypeAdapter

from partsight.errors import OutputError
from partsight.journal.read import reading
from partsight.journal.schema import TABLES, VERDICTS, JournalTable
from partsight.utils.elapsed import ElapsedTime
from partsight.utils.files import write_atomic

__all__ = ["RowAges", "newest_row_s"]

logger = logging.getLogger(__name__)

_DAY_S = 86_400.0
# Notes per limit of age: rows are kept longer than the limit by up to this fraction of it.
_NOTES = 200
# No row is older than this software; a row that claims so was dated by a clock that was not set.
_FIRST_DAY_S = datetime(2024, 1, 1, tzinfo=timezone.utc).timestamp()
_UNIX_S = "({} - 2440587.5) * 86400.0"


@dataclass(frozen=True, slots=True)
class _Note:
    """A known time and the rows that were there then.

    Attributes:
        known_s: known time in seconds.
        last: last sequence number by table.
        certain: whether known time could not be too small, see ``ElapsedTime.certain``.
    """

    known_s: FiniteFloat
    last: dict[str, int]
    certain: bool


@dataclass(frozen=True, slots=True)
class _Notes:
    """The notes of a journal, oldest first, and the id of the journal."""

    journal: str
    notes: list[_Note]


class RowAges:
    """Notes of a journal's sequence, in a file next to it. For one thread.

    Args:
        path: of the journal.
        elapsed: known time.
        keep_days: age in days from which rows may be deleted.
    """

    def __init__(self, path: Path, elapsed: ElapsedTime, keep_days: float) -> None:
        self._path, self._elapsed, self._keep_s = path, elapsed, keep_days * _DAY_S
        self._place = path.with_name(path.name + ".ages")
        self._notes = self._loaded()
        self._noted = False

    def aged(self) -> dict[str, int]:
        """Take a note if one is due, and find the rows that are too old.

        Returns:
            By table, the last ``seq`` that is too old; empty while deletion by age is suspended.

        Raises:
            JournalError: the journal cannot be read.
        """
        now_s = self._elapsed.known_s()
        with reading(self._path) as reader:
            if self._elapsed.suspended is not None:
                return {}  # no note either: known time is too small by an unknown amount
            self._note(reader, now_s)
            return {table.name: self._last_aged(reader, table, now_s) for table in TABLES}

    def _last_aged(self, reader: sqlite3.Connection, table: JournalTable, now_s: float) -> int:
        notes, limit_s = self._notes.notes, now_s - self._keep_s
        number = bisect.bisect_right([note.known_s for note in notes], limit_s)
        if number:
            return notes[number - 1].last.get(table.name, 0)
        before = notes[0].last.get(table.name, 0)
        wall_s = self._elapsed.wall_of
        return _claimed(reader, table, before, wall_s(limit_s), wall_s(now_s))

    def _note(self, reader: sqlite3.Connection, now_s: float) -> None:
        (journal,) = reader.execute("SELECT id FROM journal").fetchone()
        last = {table.name: _last(reader, table) for table in TABLES}
        notes = self._notes.notes
        if journal != self._notes.journal or (notes and _is_behind(last, notes[-1].last)):
            notes = []  # another journal, or a backup of this one
        if self._noted and notes and 0 <= now_s - notes[-1].known_s < self._keep_s / _NOTES:
            return
        self._noted = True
        # Minutes of known time are lost when the power fails before they are recorded.
        certain = self._elapsed.certain
        # What an uncertain clock noted is dropped once a certain one may have caught up: the rows
        # would look older than they are.
        earlier = [note for note in notes if note.known_s <= now_s and note.certain >= certain]
        first = bisect.bisect_right([note.known_s for note in earlier], now_s - self._keep_s)
        self._notes = _Notes(journal, [*earlier[max(0, first - 1) :], _Note(now_s, last, certain)])
        try:
            write_atomic(self._place, json.dumps(asdict(self._notes)).encode())
        except OutputError as error:
            logger.warning("cannot save the ages of the journal's rows: %s", error)

    def _loaded(self) -> _Notes:
        with contextlib.suppress(FileNotFoundError):
            try:
                return TypeAdapter(_Notes).validate_json(self._place.read_bytes(), strict=True)
            except FileNotFoundError:
                raise
            except (OSError, ValueError) as error:
                logger.warning(
                    "the ages of the journal's rows in %s cannot be read, and count from now on: "
                    "%s",
                    self._place,
                    error,
                )
        return _Notes("", [])


def newest_row_s(path: Path) -> float | None:
    """Unix seconds of the last verdict, by the clock of its day; None without one.

    Raises:
        JournalError: the journal cannot be read.
    """
    with reading(path) as reader:
        found = reader.execute(
            f"SELECT {_UNIX_S.format(VERDICTS.julian_day)} "
            f'FROM "{VERDICTS.name}" ORDER BY seq DESC LIMIT 1'
        ).fetchone()
    return None if found is None or found[0] is None else float(found[0])


def _last(reader: sqlite3.Connection, table: JournalTable) -> int:
    query = "SELECT max(ifnull((SELECT max(seq) FROM {0}), 0), seq) FROM anchors WHERE of = ?"
    (last,) = reader.execute(query.format(f'"{table.name}"'), (table.name,)).fetchone()
    return int(last)


def _is_behind(last: dict[str, int], noted: dict[str, int]) -> bool:
    return any(last.get(name, 0) < seq for name, seq in noted.items())


def _claimed(
    reader: sqlite3.Connection, table: JournalTable, before: int, limit_s: float, now_s: float
) -> int:
    """The last row up to ``before`` that is too old by its own time, in front of all young ones.

    A row whose time is not possible is as old as the rows around it.
    """
    time_s = _UNIX_S.format(table.julian_day)
    rows = f'FROM "{table.name}" NOT INDEXED WHERE seq <= ? AND {time_s} >= ? AND {time_s}'
    young = reader.execute(
        f"SELECT seq {rows} <= ? ORDER BY seq LIMIT 1", (before, limit_s, now_s)
    ).fetchone()
    end = young[0] - 1 if young else before
    (last,) = reader.execute(
        f"SELECT ifnull(max(seq), 0) {rows} < ?", (end, _FIRST_DAY_S, limit_s)
    ).fetchone()
    return int(last)
