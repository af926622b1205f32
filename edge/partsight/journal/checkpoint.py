"""Copies SQLite's log into the database in a thread, so that no verdict waits for it.

SQLite itself would do it in the commit that fills the log, which then takes many times as long.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from pathlib import Path

from partsight.journal.database import connect

__all__ = ["Checkpointer"]

logger = logging.getLogger(__name__)

_CLOSE_S = 2.0


class Checkpointer:
    """Runs at the start, since a killed line may have left a long log, and every some rows.

    Args:
        path: the database.
        writing: the writer's lock, held only while copying the remainder of a first pass.
        every_rows: number of rows between two runs.
    """

    def __init__(self, path: Path, writing: threading.Lock, every_rows: int) -> None:
        self._path = path
        self._writing = writing
        self._every_rows = every_rows
        self._rows = 0
        self._closed = False
        self._due = threading.Event()
        self._due.set()
        self._thread = threading.Thread(target=self._run, name="journal log", daemon=True)
        self._thread.start()

    def wrote(self) -> None:
        """Count a row; called under the writer's lock."""
        self._rows += 1
        if self._rows >= self._every_rows:
            self._rows = 0
            self._due.set()

    def close(self) -> None:
        """End the thread after the current copy; do not wait for a disk that hangs."""
        self._closed = True
        self._due.set()
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        while self._due.wait() and not self._closed:
            self._due.clear()
            try:
                with contextlib.closing(connect(self._path)) as connection:
                    self._copy(connection)
            except sqlite3.Error as error:
                # The log just grows; if the disk is full, appending reports it.
                logger.info("the journal's log is not copied yet: %s", error)

    def _copy(self, connection: sqlite3.Connection) -> None:
        # PASSIVE does not block readers or the writer.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        # The log restarts only when nothing is left in it. Without copying the few rows that came
        # meanwhile, it would grow without limit under steady writing.
        with self._writing:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
