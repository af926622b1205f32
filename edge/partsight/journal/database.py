"""The journal's database file: opened, created, told from others, moved aside, kept to one writer.

Enters: a path. Leaves: a connection that is ready to write. ``write`` calls it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import stat
import urllib.parse
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from partsight.errors import OutputError
from partsight.journal.chain import genesis
from partsight.journal.schema import APPLICATION_ID, DDL, SCHEMA, TABLES

__all__ = [
    "connect",
    "is_damage",
    "lock",
    "make_private",
    "move_aside",
    "open_for_writing",
    "transaction",
    "uri",
]

logger = logging.getLogger(__name__)

# For the owner to write, for the group to read.
_MODE = 0o640
# Only another program that writes to the journal, against all advice, is waited for.
_BUSY_TIMEOUT_S = 2.0
# What the log takes between two checkpoints, see ``checkpoint``.
_LOG_BYTES = 5_000_000


def uri(path: Path, options: str) -> str:
    """How SQLite is told of a file; any name goes, also one that is no UTF-8."""
    return f"file:{urllib.parse.quote(os.fsencode(path.absolute()))}?{options}"


def connect(path: Path, options: str = "mode=rw") -> sqlite3.Connection:
    """A connection without implicit transactions that any thread may use.

    Raises:
        sqlite3.Error: there is no such file, or it may not be opened.
    """
    return sqlite3.connect(
        uri(path, options),
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_TIMEOUT_S,
    )


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the journal, or create it.

    Raises:
        OutputError: another program's database, or a journal of a newer partsight.
        sqlite3.Error: it is damaged, or the disk does not let us.
    """
    make_private(path)
    connection = connect(path, "mode=rwc")
    try:
        _require_journal(path, connection)
        connection.execute("PRAGMA journal_mode=WAL")
        # Each commit waits for the disk: a verdict is durable before it is announced.
        connection.execute("PRAGMA synchronous=FULL")
        # The commit that fills the log would pay for all: ``checkpoint`` does it apart.
        connection.execute("PRAGMA wal_autocheckpoint=0")
        if _number(connection, "user_version") == 0:
            _create(connection)
        _reserve_log(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def make_private(path: Path) -> None:
    """Create a file that only its owner and group may read, or close one to all others.

    SQLite gives its log and its shared memory the mode of the database. A journal is read by
    other accounts through the group.

    Raises:
        OSError: it cannot be created.
    """
    # Only a file that was not there is opened: closing one that is there would end the locks that
    # SQLite holds on it in this process.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _MODE))
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            mode = stat.S_IMODE(each.stat().st_mode)
            if mode & ~_MODE:
                each.chmod(mode & _MODE)
        except FileNotFoundError:
            continue  # SQLite makes it when there is need
        except OSError as error:
            logger.warning(
                "everybody on this device may read %s, and its mode cannot be changed: %s. Run "
                "chmod o-rwx as its owner",
                each,
                error.strerror or error,
            )


def _reserve_log(path: Path, connection: sqlite3.Connection) -> None:
    """Give the log its size at once.

    To sync a file that grows takes the file system twice the time of one that does not: its
    own log is written too. What is undone here leaves nothing but room in SQLite's log.
    """
    log = path.with_name(path.name + "-wal")
    has_room = shutil.disk_usage(path.parent).free > 50 * _LOG_BYTES
    if not has_room or (log.exists() and log.stat().st_size >= _LOG_BYTES):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE room (bytes BLOB)")
        # The last 2 MB stay in SQLite's memory.
        connection.execute("INSERT INTO room VALUES (zeroblob(?))", (_LOG_BYTES + 2_000_000,))
    except sqlite3.OperationalError:
        pass  # it is slower without, no more
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _require_journal(path: Path, connection: sqlite3.Connection) -> None:
    version = _number(connection, "user_version")
    owner = _number(connection, "application_id")
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    if owner != APPLICATION_ID and not empty:
        raise OutputError(
            f"cannot keep the journal in {path}: expected a journal of partsight or no file, "
            "received a database of another program. Choose another place."
        )
    if version > SCHEMA:
        raise OutputError(
            f"cannot write the journal {path}: expected version {SCHEMA} or older, received "
            f"version {version}. Upgrade partsight, or choose another place."
        )


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _create(connection: sqlite3.Connection) -> None:
    journal_id = uuid.uuid4().hex
    with transaction(connection):
        for statement in DDL:
            connection.execute(statement)
        connection.execute("INSERT INTO journal VALUES (?)", (journal_id,))
        for table in TABLES:
            values = (table.name, 0, genesis(journal_id, table.name))
            connection.execute("INSERT INTO anchors VALUES (?, ?, ?)", values)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block's statements are done, or none.

    Raises:
        sqlite3.Error: what the block or the commit raised.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def lock(path: Path) -> sqlite3.Connection:
    """Be the only writer of a journal, until the connection that this returns is closed.

    The lock is SQLite's own, on an empty file beside the journal: it works on any system, ends
    with the process however that ends, and no child process inherits it.

    Raises:
        OutputError: another has it.
        sqlite3.Error: the disk does not let us.
    """
    place = path.with_name(path.name + ".lock")
    make_private(place)
    held = connect(place, "mode=rwc")
    try:
        held.execute("PRAGMA busy_timeout=0")
        held.execute("PRAGMA journal_mode=OFF")  # nothing is ever written to it
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        held.close()
        if "locked" not in str(error):
            raise
        raise OutputError(
            f"cannot write the journal {path}: another process writes it. Stop that one, or "
            "choose another journal for this line."
        ) from error
    return held


def is_damage(error: Exception) -> bool:
    """Whether the file itself is broken; all else may pass.

    SQLite's CORRUPT and NOTADB are the only ones that Python maps to the bare class.
    """
    return type(error) is sqlite3.DatabaseError


def move_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged journal, with its log, to a name that was free; what remains is kept.

    Raises:
        OSError: it cannot be renamed.
    """
    stem = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1000))
    aside = next(place for name in names if not (place := path.with_name(name)).exists())
    # The log first: a new file must not be taken for that of an old log.
    for ending in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    return aside
