"""The journal's database while it is open: rows go in, errors are mapped, damage is survived.

Not safe for threads: ``write.Journal`` has the lock. A journal that turns out damaged is moved
aside, whole, and a fresh one is begun, with an event that says so. The line must go on: parts
pass whether or not an old file can be read, and a line that stands still until somebody repairs
a database answers for no part at all. Nothing is lost by it: what can be saved is still in the
old file, and its chain says what is missing.
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
from partsight.journal.database import is_damage, move_aside, open_for_writing
from partsight.journal.schema import EVENTS, Stored, Table

__all__ = ["Head", "Store", "refused"]

logger = logging.getLogger(__name__)

# A row's seq and hash.
Head = tuple[int, bytes]

_Result = TypeVar("_Result")


class Store:
    """An open journal. After an error it opens the database again, once there is need.

    Args:
        path: the database.
        now: the time of events, with a time zone.
    """

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._news: list[tuple[str, str]] = []
        self._path = path
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._heads: dict[str, Head] = {}
        self._untold: Mapping[str, Any] | None = None

    def insert(self, table: Table, stored: Stored) -> int:
        """Write a row; it is on the disk when this returns its seq.

        Raises:
            OutputError: it is not.
        """
        return self.run(lambda connection: self._insert(connection, table, stored))

    def event(self, kind: str, detail: Mapping[str, Any]) -> int:
        """Write an event, see ``insert``."""
        return self.run(lambda connection: self._event(connection, kind, detail))

    def head(self, table: Table) -> Head:
        """The last row's seq and hash; of an empty table those of its anchor.

        Raises:
            OutputError: the database cannot be read.
        """
        return self.run(lambda connection: self._head(connection, table), writes=False)

    def run(self, work: Callable[[sqlite3.Connection], _Result], *, writes: bool = True) -> _Result:
        """Do something with the connection, on a fresh database if this one is damaged.

        Args:
            work: what to do.
            writes: whether its success shows that the journal can be written.

        Raises:
            OutputError: the disk does not let us. What was begun is undone.
        """
        for last in (False, True):
            try:
                result = work(self._opened())
            except (sqlite3.Error, OSError) as error:
                self._drop()
                if last or not is_damage(error):
                    self._news.append(("unwritable", str(error)))
                    raise refused(self._path, error) from error
                self._begin_afresh(error)
            else:
                if writes:
                    self._news.append(("writing", ""))
                return result
        raise AssertionError("the loop returns or raises")

    def take_news(self) -> list[tuple[str, str]]:
        """The states that it came into since this was asked, and what is behind each.

        They are ``writing``, ``unwritable`` and ``damaged``; to be told with no lock held.
        """
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        """Copy the log into the database; whatever is written later is refused."""
        self._drop()
        self._closed = True

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            raise OutputError(f"cannot write the journal {self._path}: it was closed.")
        if self._connection is None:
            self._connection = open_for_writing(self._path)
        if self._untold is not None:
            self._event(self._connection, "journal_damaged", self._untold)
            self._untold = None
        return self._connection

    def _drop(self) -> None:
        # What is in memory may be ahead of, or behind, what an error left in the file.
        self._heads.clear()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _begin_afresh(self, error: Exception) -> None:
        try:
            aside = move_aside(self._path, self._now())
        except OSError as refusal:
            self._news.append(("unwritable", str(refusal)))
            raise refused(self._path, refusal) from error
        logger.error("the journal %s is damaged (%s): moved to %s", self._path, error, aside.name)
        self._news.append(("damaged", f"{error}: moved to {aside.name}"))
        self._untold = {"file": aside.name, "cause": str(error)}

    def _insert(self, connection: sqlite3.Connection, table: Table, stored: Stored) -> int:
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

    def _head(self, connection: sqlite3.Connection, table: Table) -> Head:
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
    """What is said of a journal that cannot be written."""
    return OutputError(
        f"cannot write the journal {path}: {error}. "
        "Expected a place that is writable and has room; verdicts go on once it has."
    )
