"""Follows the end of a journal while the line writes it, for a delivery worker.

A damaged journal is replaced by a new one whose rows count from 1 again, so the id of the journal
is returned too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from partsight.errors import JournalError, UnreadableRow
from partsight.journal.read import connect_read_only, read_page

__all__ = ["Tail"]

_Result = TypeVar("_Result")


class Tail:
    """A read-only connection, opened when needed and again when the file was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def rows(
        self, after: int, limit: int, on_unreadable: Callable[[UnreadableRow], None]
    ) -> list[dict[str, Any]]:
        """Return the verdicts after a seq, at most ``limit``; see ``read_page``.

        Raises:
            JournalError: the journal cannot be read.
        """
        return self._read(lambda connection: read_page(connection, after, limit, on_unreadable))

    def end(self) -> tuple[str, int]:
        """Return the id of the journal and its last seq, also if that row was pruned.

        Raises:
            JournalError: the journal cannot be read.
        """
        query = (
            "SELECT id, (SELECT max(seq) FROM (SELECT max(seq) AS seq FROM verdicts"
            " UNION SELECT seq FROM anchors WHERE of = 'verdicts')) FROM journal"
        )
        journal_id, seq = self._read(lambda connection: connection.execute(query).fetchone())
        return str(journal_id), int(seq)

    def close(self) -> None:
        """Close the connection; it is opened again when needed."""
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
