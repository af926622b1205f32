"""The file that an open journal writes to, compared with the file of its name.

A database that was moved, removed or replaced can still be written through its open handle, but
the rows would be lost with that handle. A lock on the file itself refuses a second writer, also
after the ``.lock`` file was removed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from partsight.journal.database import second_writer
from partsight.journal.files import isolate_log
from partsight.utils.lock import lock_file

__all__ = ["HeldFile"]


class HeldFile:
    """The database and its log as they were opened; call ``close`` after SQLite's connection.

    Args:
        path: the database, which SQLite has open.

    Raises:
        OutputError: another process has locked it.
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._log = path, path.with_name(path.name + "-wal")
        # Closing it would release SQLite's locks on this file, so it stays open until the end.
        self._file = path.open("rb")
        try:
            self._require_lock()
            self._status = os.fstat(self._file.fileno())
            self._log_status = _status(self._log)
        except BaseException:
            self._file.close()
            raise

    def _require_lock(self) -> None:
        if not lock_file(self._file, wait=False):
            raise second_writer(self._path)

    def has_its_name(self) -> bool:
        """Whether the names of database and log still lead to the open files."""
        if self._file.closed:
            return False
        return _same(self._status, _status(self._path)) and _same(
            self._log_status, _status(self._log)
        )

    def has_any_name(self) -> bool:
        """Whether the database still has a name, for example another one."""
        return os.fstat(self._file.fileno()).st_nlink > 0

    @contextlib.contextmanager
    def other_log_kept(self) -> Iterator[None]:
        """Keep the log of another database at our log's name while our connection is closed.

        SQLite deletes a log by its name when the last connection is closed.
        """
        status = _status(self._log)
        if status is None or _same(status, self._log_status):
            yield
            return
        kept = self._log.with_name(self._log.name + ".kept")
        self._log.rename(kept)
        try:
            yield
        finally:
            kept.rename(self._log)

    def remove_log(self) -> None:
        """Remove the log, whose rows are saved, or a new database of this name would use it."""
        if _same(self._log_status, _status(self._log)):
            self._log.unlink()
            self._log.with_name(self._path.name + "-shm").unlink(missing_ok=True)

    def isolate_log(self, now: datetime) -> None:
        """Move the log aside, whose rows are not saved."""
        if _same(self._log_status, _status(self._log)):
            isolate_log(self._path, now)

    def close(self) -> None:
        """Release the lock."""
        self._file.close()


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _same(first: os.stat_result | None, second: os.stat_result | None) -> bool:
    return first is not None and second is not None and os.path.samestat(first, second)
