"""Files of a journal: their access rights, and saving the rows of one that cannot be used."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
from datetime import datetime
from pathlib import Path

from partsight.utils.files import free_name

__all__ = ["copy_database", "isolate_log", "isolate_orphaned_log", "make_private", "rename_damaged"]

logger = logging.getLogger(__name__)

# Written by the owner, read by the group.
_MODE = 0o640


def make_private(path: Path) -> None:
    """Create a file readable by owner and group only, or remove the access of others.

    SQLite gives its log and shared memory the mode of the database. Other accounts read a journal
    through the group.

    Raises:
        OSError: the file cannot be created.
    """
    # Open only a new file: closing an existing one would release SQLite's locks on it in this
    # process.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _MODE))
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            mode = stat.S_IMODE(each.stat().st_mode)
            if mode & ~_MODE:
                each.chmod(mode & _MODE)
        except FileNotFoundError:
            continue  # SQLite creates it when needed
        except OSError as error:
            logger.warning(
                "all users of this device may read %s, and its mode cannot be changed: %s. Run "
                "chmod o-rwx as its owner",
                each,
                error.strerror or error,
            )


def rename_damaged(path: Path, now: datetime) -> Path:
    """Rename a damaged journal with its log to a free name, and return it.

    Raises:
        OSError: the file cannot be renamed.
    """
    target = free_name(path, "damaged", now)
    # The log first: a new database must not be combined with an old log.
    for ending in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
    return target


def isolate_orphaned_log(path: Path, now: datetime) -> Path | None:
    """Rename a log whose database is missing; SQLite would delete it. Return its new name.

    Raises:
        OSError: it cannot be renamed.
    """
    log = path.with_name(path.name + "-wal")
    has_rows = log.exists() and log.stat().st_size > 0
    if not has_rows or (path.exists() and path.stat().st_size > 0):
        return None
    return isolate_log(path, now)


def isolate_log(path: Path, now: datetime) -> Path:
    """Rename the log of a journal, and return its new name.

    Raises:
        OSError: it cannot be renamed.
    """
    log = path.with_name(path.name + "-wal")
    target = free_name(log, "orphaned", now)
    log.rename(target)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)  # only an index of the log
    return target


def copy_database(connection: sqlite3.Connection, path: Path, now: datetime) -> Path:
    """Copy the open database to a new file next to ``path``, and return its name.

    Raises:
        OSError: the folder cannot be created.
        sqlite3.Error: the rows cannot be read or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = free_name(path, "saved", now)
    make_private(target)
    with contextlib.closing(sqlite3.connect(target)) as copy:
        connection.backup(copy)
    return target
