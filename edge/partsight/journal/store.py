"""The open database of a journal: inserts rows, maps errors, and recovers from damage.

Not thread-safe: ``write.Journal`` has the lock. A damaged journal is renamed as a whole and a new
one is started, with an event about it. The line must go on: parts pass whether or not an old file
can be read. Nothing is lost: the old file is kept, and its chain shows the missing rows.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from partsight.errors import OutputError
from partsight.journal.chain import link
from partsight.journal.database import is_damage, open_for_writing
from partsight.journal.files import rename_damaged
from partsight.journal.schema import EVENTS, JournalTable, Stored

__all__ = ["Head", "Store", "refused"]

logger = logging.getLogger(__name__)

# A row's seq and hash.
Head = tuple[int, bytes]

_Result = TypeVar("_Result")


class Store:
    """An open journal. After an error it opens the database again when needed.

    Args:
        path: the database.
        now: wall-clock time for events, with a time zone.
    """

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._news: list[tuple[str, str]] = []
        self._path = path
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._heads: dict[str, Head] = {}
        self._damage: Mapping[str, Any] | None = None  # not written as an event yet

    def insert(self, table: JournalTable, stored: Stored) -> int:
        """Write a row; it is on the disk when this returns its seq.

        Raises:
            OutputError: the row is not written.
        """
        return self.run(lambda connection: self._insert(connection, table, stored))

    def event(self, kind: str, detail: Mapping[str, Any]) -> int:
        """Write an event, see ``insert``."""
        return self.run(lambda connection: self._event(connection, kind, detail))

    def head(self, table: JournalTable) -> Head:
        """Return seq and hash of the last row; for an empty table, those of its anchor.

        Raises:
            OutputError: the database cannot be read.
        """
        return self.run(lambda connection: self._head(connection, table), writes=False)

    def run(self, work: Callable[[sqlite3.Connection], _Result], *, writes: bool = True) -> _Result:
        """Call a function with the connection, with a new database if this one is damaged.

        Args:
            work: the function.
            writes: whether its success proves that the journal can be written.

        Raises:
            OutputError: the disk cannot be written; nothing is changed.
        """
        for last in (False, True):
            try:
                result = work(self._opened())
            except (sqlite3.Error, OSError) as error:
                self._drop()
                if last or not is_damage(error):
                    self._news.append(("unwritable", str(error)))
                    raise refused(self._path, error) from error
                self._start_new(error)
            else:
                if writes:
                    self._news.append(("writing", ""))
                return result
        raise AssertionError("the loop returns or raises")

    def take_news(self) -> list[tuple[str, str]]:
        """Return the new states since the last call, each with its reason.

        They are ``writing``, ``unwritable`` and ``damaged``. Report them without holding a lock.
        """
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Copy the log into the database and close it; later writes are refused."""
        self._drop()
        self._closed = True

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            raise OutputError(f"cannot write the journal {self._path}: it was closed.")
        if self._connection is None:
            self._connection = open_for_writing(self._path)
        if self._damage is not None:
            self._event(self._connection, "journal_damaged", self._damage)
            self._damage = None
        return self._connection

    def _drop(self) -> None:
        # After an error, the heads in memory may differ from those in the file.
        self._heads.clear()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _start_new(self, error: Exception) -> None:
        try:
            renamed = rename_damaged(self._path, self._now())
        except OSError as refusal:
            self._news.append(("unwritable", str(refusal)))
            raise refused(self._path, refusal) from error
        logger.error("the journal %s is damaged (%s): moved to %s", self._path, error, renamed.name)
        self._news.append(("damaged", f"{error}: moved to {renamed.name}"))
        self._damage = {"file": renamed.name, "cause": str(error)}

    def _insert(self, connection: sqlite3.Connection, table: JournalTable, stored: Stored) -> int:
        seq, previous = self._head(connection, table)
        digest = link(previous, seq + 1, stored)
        connection.execute(table.insert, (seq + 1, digest, *stored.values()))
        self._heads[table.name] = seq + 1, digest
        return seq + 1

    def _event(self, connection: sqlite3.Connection, kind: str, detail: Mapping[str, Any]) -> int:
        at = self._now().isoformat(timespec="milliseconds")
        return self._insert(
            connection, EVENTS, EVENTS.store({"at": at, "kind": kind, "detail": dict(detail)})
        )

    def _head(self, connection: sqlite3.Connection, table: JournalTable) -> Head:
        if table.name not in self._heads:
            last = f'SELECT seq, hash FROM "{table.name}" ORDER BY seq DESC LIMIT 1'
            anchor = "SELECT seq, hash FROM anchors WHERE of = ?"
            found = connection.execute(last).fetchone()
            found = found or connection.execute(anchor, (table.name,)).fetchone()
            if found is None:
                raise sqlite3.DatabaseError(f"{table.name} has neither rows nor an anchor")
            self._heads[table.name] = int(found[0]), bytes(found[1])
        return self._heads[table.name]


def refused(path: Path, error: Exception) -> OutputError:
    """Return the error for a journal that cannot be written."""
    return OutputError(
        f"cannot write the journal {path}: {error}. "
        "Expected a writable disk with free space; verdicts go on once it has."
    )
