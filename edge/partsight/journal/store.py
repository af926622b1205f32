"""The open database of a journal: inserts rows, maps errors, and recovers from damage.

Not thread-safe: ``write.Journal`` has the lock. A damaged journal is renamed as a whole and a new
one is started, with an event about it. The line must go on: parts pass whether or not an old file
can be read. Nothing is lost: the old file is kept, and its chain shows the missing rows.

After each write, and before it is acknowledged, the names of database and log are compared with
the open files. If they lead elsewhere, the rows are saved under another name, and the write is
repeated in the file of the name, which may be a new one.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from partsight.errors import OutputError
from partsight.journal.chain import link
from partsight.journal.database import is_damage, open_for_writing
from partsight.journal.files import copy_database, isolate_orphaned_log, rename_damaged
from partsight.journal.held_file import HeldFile
from partsight.journal.schema import EVENTS, JournalTable, Stored

__all__ = ["Head", "Store", "refused"]

logger = logging.getLogger(__name__)

# A row's seq and hash.
Head = tuple[int, bytes]

_Result = TypeVar("_Result")


class _DisplacedError(Exception):
    """The open file is no longer the one of its name."""

    def __str__(self) -> str:
        return "the database or its log was moved, removed or replaced"


class Store:
    """An open journal. After an error it opens the database again when needed.

    Args:
        path: the database.
        now: wall-clock time for events, with a time zone.
        copying: held by ``Checkpointer`` while it has a connection. There must be none while the
            database is renamed: closing it would delete the log of the new one.
    """

    def __init__(self, path: Path, now: Callable[[], datetime], copying: threading.Lock) -> None:
        self._copying = copying
        self._file: HeldFile | None = None
        self._news: list[tuple[str, str]] = []
        self._path = path
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._heads: dict[str, Head] = {}
        self._notes: list[tuple[str, Mapping[str, Any]]] = []  # events not written yet

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
                if writes and not self.has_its_name():
                    raise _DisplacedError
            except (sqlite3.Error, OSError, _DisplacedError) as error:
                self._recover(error, last=last)
            else:
                if writes:
                    self._news.append(("writing", ""))
                return result
        raise AssertionError("the loop returns or raises")

    def _recover(self, error: Exception, *, last: bool) -> None:
        """Make the journal usable again after an error.

        Raises:
            OutputError: this was the last try, or the error may be temporary.
        """
        displaced = isinstance(error, _DisplacedError)
        if last or not (displaced or is_damage(error)):
            self._drop()
            self._news.append(("unwritable", str(error)))
            raise refused(self._path, error) from error
        with self._copying:
            if displaced:
                self._leave_displaced(error)
            else:
                self._drop()
                self._start_new(error)

    def has_its_name(self) -> bool:
        """Whether the path leads to the open database. Callable by any thread."""
        file = self._file
        return file is not None and file.has_its_name()

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
            self._open()
        assert self._connection is not None
        while self._notes:
            self._event(self._connection, *self._notes[0])
            del self._notes[0]
        return self._connection

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if isolated := isolate_orphaned_log(self._path, self._now()):
            logger.error("a log without the journal %s is now %s", self._path, isolated.name)
            cause = "the database of this log is missing"
            self._notes.append(("journal_damaged", {"file": isolated.name, "cause": cause}))
        connection = open_for_writing(self._path)
        try:
            self._file = HeldFile(self._path)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _drop(self) -> None:
        # After an error, the heads in memory may differ from those in the file.
        self._heads.clear()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _leave_displaced(self, error: Exception) -> None:
        """Save the rows of the open database, which has lost its name, and close it."""
        file, saved, cause = self._file, None, str(error)
        assert file is not None
        try:
            saved = self._save_displaced()
        except (sqlite3.Error, OSError) as refusal:
            cause = f"{cause}; its rows cannot be saved: {refusal}"
            file.isolate_log(self._now())
            where = "its log is moved aside"
        else:
            file.remove_log()
            copy = saved.name if saved else "the moved file"
            where = f"its rows are saved in {copy}"
        with file.other_log_kept():
            self._drop()
        logger.error("the journal %s: %s; %s", self._path, cause, where)
        self._news.append(("displaced", f"{cause}; {where}"))
        self._notes.append(("journal_displaced", {"file": saved and saved.name, "cause": cause}))

    def _save_displaced(self) -> Path | None:
        """Save the rows that are only in the log. Return their copy; None in the moved database."""
        assert self._connection is not None
        assert self._file is not None
        if self._file.has_any_name():
            # Where it was moved to it has no log.
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return None
        # It is removed, or a reader keeps the end of the log from being copied into it.
        return copy_database(self._connection, self._path, self._now())

    def _start_new(self, error: Exception) -> None:
        try:
            renamed = rename_damaged(self._path, self._now())
        except OSError as refusal:
            self._news.append(("unwritable", str(refusal)))
            raise refused(self._path, refusal) from error
        logger.error("the journal %s is damaged (%s): moved to %s", self._path, error, renamed.name)
        self._news.append(("damaged", f"{error}: moved to {renamed.name}"))
        self._notes.append(("journal_damaged", {"file": renamed.name, "cause": str(error)}))

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
        "Expected a writable disk with free space; a running line goes on as soon as there is one."
    )
