"""Copies SQLite's log into the database, so that no verdict waits for it.

SQLite would do it in the very commit that fills the log, which then takes many times as long.
Here a thread with a connection of its own does it; commits go on meanwhile.
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
    """Runs now, as a killed line may have left a long log, and then once in so many rows.

    Args:
        path: the database.
        writing: the writer's lock, held only for what a first pass left over.
        every_rows: how many rows make it run.
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
        """End the thread, after the copying that it is at; a disk that hangs is not waited for."""
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
                # The log only grows on; when there is no room for that, appending says so.
                logger.info("the journal's log is not copied yet: %s", error)

    def _copy(self, connection: sqlite3.Connection) -> None:
        # PASSIVE waits for nobody, and nobody for it.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        # The log begins anew only when nothing is left in it: without this, for the few rows that
        # came meanwhile, it would grow for ever under steady writing.
        with self._writing:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
