"""Copies SQLite's log into the database in a thread, so that no verdict waits for it.

SQLite itself would do it in the commit that fills the log, which then takes many times as long.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from partsight.journal.database import connect

__all__ = ["Checkpointer"]

logger = logging.getLogger(__name__)

_CLOSE_S = 2.0
# Longest wait for the writer, which holds its lock for milliseconds.
_WRITER_S = 1.0


class Checkpointer:
    """Runs at the start, since a killed line may have left a long log, and every some rows.

    Args:
        path: the database.
        writing: the writer's lock, held only while copying the remainder of a first pass.
        copying: held while this thread has a connection. Who holds it may rename the database.
        has_its_name: whether the path leads to the database that the writer has open. Otherwise its
            log must not be copied into the file of that name.
        every_rows: number of rows between two runs.
    """

    def __init__(
        self,
        path: Path,
        writing: threading.Lock,
        copying: threading.Lock,
        has_its_name: Callable[[], bool],
        every_rows: int,
    ) -> None:
        self._path, self._has_its_name = path, has_its_name
        self._writing, self._copying = writing, copying
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
                with self._copying, contextlib.closing(connect(self._path)) as connection:
                    # The connection has its file from here on, whatever happens to the name.
                    if self._has_its_name():
                        self._copy(connection)
            except sqlite3.Error as error:
                # The log just grows; if the disk is full, appending reports it.
                logger.info(
                    "the journal's write-ahead log is not copied into the database yet: %s", error
                )

    def _copy(self, connection: sqlite3.Connection) -> None:
        # PASSIVE does not block readers or the writer.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        # The log restarts only when nothing is left in it. Without copying the few rows that came
        # meanwhile, it would grow without limit under steady writing.
        # Give up where the writer waits for ``copying`` itself.
        if self._writing.acquire(timeout=_WRITER_S):
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                self._writing.release()
