"""The end of a journal, followed by a feeder while the line writes it.

Enters: a path. Leaves: rows after a seq, and whose journal they are of: one that was damaged is
replaced by a fresh one, whose rows count from 1 again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from partsight.errors import JournalError
from partsight.journal.read import connect_read_only, read_page

__all__ = ["Tail"]

_Result = TypeVar("_Result")


class Tail:
    """A read-only connection that is opened when needed, and again when the file is another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def rows(self, after: int, limit: int) -> list[dict[str, Any]]:
        """The verdicts after a seq, at most ``limit``.

        Raises:
            JournalError: it cannot be read.
        """
        return self._read(lambda connection: read_page(connection, after, limit))

    def end(self) -> tuple[str, int]:
        """Which journal it is, and its last seq, also where the row was pruned.

        Raises:
            JournalError: it cannot be read.
        """
        query = (
            "SELECT id, (SELECT max(seq) FROM (SELECT max(seq) AS seq FROM verdicts"
            " UNION SELECT seq FROM anchors WHERE of = 'verdicts')) FROM journal"
        )
        journal_id, seq = self._read(lambda connection: connection.execute(query).fetchone())
        return str(journal_id), int(seq)

    def close(self) -> None:
        """Close the connection; it is opened again if there is need."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        try:
            return work(self._opened())
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise JournalError(f"cannot read the journal {self._path}: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        status = self._path.stat()
        file = status.st_dev, status.st_ino
        if self._connection is None or file != self._file:
            self.close()
            self._connection = connect_read_only(self._path)
            self._file = file
        return self._connection
