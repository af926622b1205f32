"""Reads a journal, also while the line writes it and from read-only storage.

Rows are read in pages, oldest first: a long read transaction would keep SQLite's log from being
copied into the database.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from partsight.errors import JournalError, UnreadableRow
from partsight.journal.database import connect
from partsight.journal.schema import APPLICATION_ID, EVENTS, SCHEMA, VERDICTS, JournalTable

__all__ = [
    "PAGE_ROWS",
    "connect_read_only",
    "has_event",
    "load_readable",
    "pages",
    "read_events",
    "read_page",
    "read_rows",
    "reading",
]

PAGE_ROWS = 1000


def read_rows(path: Path, after: int = 0, limit: int = PAGE_ROWS) -> list[dict[str, Any]]:
    """Return the verdicts after a ``seq``, in order, at most ``limit``.

    Raises:
        JournalError: the journal cannot be read.
    """
    with reading(path) as connection:
        return read_page(connection, after, limit)


def read_events(path: Path, kind: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the events of the line, in order: ``seq``, ``at``, ``kind`` and ``detail``.

    Args:
        path: the journal.
        kind: of the events, such as ``started``; None yields all.

    Raises:
        JournalError: the journal cannot be read.
    """
    with reading(path) as connection:
        for records in pages(connection, EVENTS):
            for event in map(EVENTS.load, records):
                if kind in (None, event["kind"]):
                    yield event


def has_event(path: Path, kind: str, name: str, value: str) -> bool:
    """Return whether there is an event of a kind with this text in its detail.

    Args:
        path: the journal.
        kind: of the event.
        name: of the item in the detail.
        value: of this item.

    Raises:
        JournalError: the journal cannot be read.
    """
    item = f"{json.dumps(name)}: {json.dumps(value)}"  # as it is stored
    query = "SELECT EXISTS (SELECT 1 FROM events WHERE kind = ? AND instr(detail, ?))"
    with reading(path) as connection:
        return bool(connection.execute(query, (kind, item)).fetchone()[0])


def read_page(
    connection: sqlite3.Connection,
    after: int,
    limit: int,
    on_unreadable: Callable[[UnreadableRow], object] | None = None,
) -> list[dict[str, Any]]:
    """Like ``read_rows``, with an open connection.

    Args:
        connection: to the journal.
        after: ``seq`` of the row before the first.
        limit: largest number of rows.
        on_unreadable: called with each row that is left out because it cannot be read; None raises.

    Raises:
        UnreadableRow: a row cannot be read.
        sqlite3.Error: the journal cannot be read.
    """
    query = f"{VERDICTS.select} WHERE seq > ? ORDER BY seq LIMIT ?"
    rows: list[dict[str, Any]] = []
    while (missing := limit - len(rows)) > 0:
        records = connection.execute(query, (after, missing)).fetchall()
        rows += load_readable(VERDICTS, records, on_unreadable)
        if len(records) < missing:
            break
        after = records[-1][0]
    return rows


def load_readable(
    table: JournalTable,
    records: Iterable[tuple[Any, ...]],
    on_unreadable: Callable[[UnreadableRow], object] | None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of records; for ``on_unreadable`` see ``read_page``."""
    for record in records:
        try:
            row = table.load(record)
        except UnreadableRow as unreadable:
            if on_unreadable is None:
                raise
            on_unreadable(unreadable)
        else:
            yield row


def pages(
    connection: sqlite3.Connection, table: JournalTable, after: int = 0
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all records of a table after a ``seq``, in pages, as ``JournalTable.select`` does.

    Raises:
        sqlite3.Error: the journal cannot be read.
    """
    while records := connection.execute(
        f"{table.select} WHERE seq > ? ORDER BY seq LIMIT ?", (after, PAGE_ROWS)
    ).fetchall():
        yield records
        after = records[-1][0]


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection for reading; SQLite's errors are raised as ``JournalError``.

    Raises:
        JournalError: the journal cannot be read.
    """
    try:
        with contextlib.closing(connect_read_only(path)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise JournalError(
            f"cannot read the journal {path}: {error}. Expected a whole journal of partsight."
        ) from error


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a journal for reading.

    Raises:
        JournalError: there is none, or it belongs to another program or a newer version.
        sqlite3.Error: the journal cannot be read.
    """
    if not path.is_file():
        raise JournalError(f"cannot read the journal {path}: there is no such file.")
    connection = _connected(path.resolve())
    try:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except BaseException:
        connection.close()
        raise
    if owner != APPLICATION_ID or not 0 < version <= SCHEMA:
        connection.close()
        raise JournalError(
            f"cannot read the journal {path}: expected a journal of partsight of version "
            f"{SCHEMA} or older, received "
            + (f"version {version}." if owner == APPLICATION_ID else "another kind of file.")
        )
    return connection


def _connected(path: Path) -> sqlite3.Connection:
    """Connect, also if SQLite cannot create its own files next to the journal."""
    try:
        return _tried(path, "mode=ro")
    except sqlite3.OperationalError:
        if os.access(path.parent, os.W_OK):
            raise
        log = path.with_name(path.name + "-wal")
        if not (log.exists() and log.stat().st_size):
            return _tried(path, "mode=ro&immutable=1")
        # An open file stays readable after it is deleted, so nothing is left behind.
        with tempfile.TemporaryDirectory(prefix="partsight-") as folder:
            copy = Path(folder, "journal.db")
            shutil.copyfile(path, copy)
            shutil.copyfile(log, copy.with_name("journal.db-wal"))
            return _tried(copy, "mode=rw")


def _tried(path: Path, options: str) -> sqlite3.Connection:
    connection = connect(path, options)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
