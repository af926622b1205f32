"""The journal's database: opening, creation, recognition, and the lock of its only writer."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path

from partsight.errors import OutputError
from partsight.journal.chain import genesis
from partsight.journal.files import make_private
from partsight.journal.schema import APPLICATION_ID, DDL, INDEXES, SCHEMA, TABLES

__all__ = [
    "connect",
    "is_damage",
    "lock",
    "open_for_writing",
    "second_writer",
    "transaction",
    "uri",
]

# Only reached if another program writes to the journal.
_BUSY_TIMEOUT_S = 2.0
# Size of the log between two checkpoints, see ``checkpoint``.
_LOG_BYTES = 5_000_000


def uri(path: Path, options: str) -> str:
    """Return SQLite's URI of a file; names that are not UTF-8 work too."""
    return f"file:{urllib.parse.quote(os.fsencode(path.absolute()))}?{options}"


def connect(path: Path, options: str = "mode=rw") -> sqlite3.Connection:
    """Return a connection without implicit transactions, usable by any thread.

    Raises:
        sqlite3.Error: the file does not exist or cannot be opened.
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
        OutputError: another program's database, or a journal of a newer version.
        sqlite3.Error: the file is damaged, or the disk cannot be written.
    """
    make_private(path)
    connection = connect(path, "mode=rwc")
    try:
        _require_journal(path, connection)
        connection.execute("PRAGMA journal_mode=WAL")
        # Each commit waits for the disk: a verdict is durable before it is announced.
        connection.execute("PRAGMA synchronous=FULL")
        # The log is copied by ``checkpoint``, not by the commit that fills it.
        connection.execute("PRAGMA wal_autocheckpoint=0")
        if _number(connection, "user_version") == 0:
            _create(connection)
        for statement in INDEXES:
            connection.execute(statement)
        _reserve_log(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _reserve_log(path: Path, connection: sqlite3.Connection) -> None:
    """Give the log its full size at once.

    Syncing a growing file takes the file system twice as long, since its own log is written too.
    The transaction is rolled back and leaves only space in SQLite's log.
    """
    log = path.with_name(path.name + "-wal")
    has_room = shutil.disk_usage(path.parent).free > 50 * _LOG_BYTES
    if not has_room or (log.exists() and log.stat().st_size >= _LOG_BYTES):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE room (bytes BLOB)")
        # The last 2 MB stay in SQLite's cache.
        connection.execute("INSERT INTO room VALUES (zeroblob(?))", (_LOG_BYTES + 2_000_000,))
    except sqlite3.OperationalError:
        pass  # only slower without it
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
            "received a database of another program. Choose another path."
        )
    if version > SCHEMA:
        raise OutputError(
            f"cannot write the journal {path}: expected version {SCHEMA} or older, received "
            f"version {version}. Upgrade partsight, or choose another path."
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
    """Execute the block's statements in one transaction.

    Raises:
        sqlite3.Error: raised by the block or the commit; nothing is changed.
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
    """Lock a journal for one writer, until the returned connection is closed.

    The lock is SQLite's own, on an empty file next to the journal: it works on any system, ends
    with the process in any case, and is not inherited by child processes.

    Raises:
        OutputError: another process holds the lock.
        sqlite3.Error: the disk cannot be written.
    """
    lock_path = path.with_name(path.name + ".lock")
    make_private(lock_path)
    held = connect(lock_path, "mode=rwc")
    try:
        held.execute("PRAGMA busy_timeout=0")
        held.execute("PRAGMA journal_mode=OFF")  # nothing is written to it
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        held.close()
        if "locked" not in str(error):
            raise
        raise second_writer(path) from error
    return held


def second_writer(path: Path) -> OutputError:
    """Return the error for a journal that another process writes."""
    return OutputError(
        f"cannot write the journal {path}: another process writes it. Stop that process, or "
        "choose another journal for this line."
    )


def is_damage(error: Exception) -> bool:
    """Return whether the file itself is damaged; other errors may be temporary.

    Python maps only SQLite's CORRUPT and NOTADB to the base class.
    """
    return type(error) is sqlite3.DatabaseError
