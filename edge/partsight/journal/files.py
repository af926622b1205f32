"""Files of a journal: their access rights, and renaming a damaged one."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from datetime import datetime
from pathlib import Path

__all__ = ["make_private", "rename_damaged"]

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
    stem = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1000))
    target = next(free for name in names if not (free := path.with_name(name)).exists())
    # The log first: a new database must not be combined with an old log.
    for ending in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
    return target
