"""Rows as a SQLite database with one table, ``results``.

Mappings and lists are JSON texts, which SQLite's ``json_extract`` reads.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from partsight.errors import OutputError
from partsight.results.base import Row
from partsight.results.text import strict_text

__all__ = ["sqlite_sink"]

# Rows per transaction: the journal of one transaction for all rows would need too much space.
_ROWS_PER_COMMIT = 5000


class _SqliteSink:
    """Inserts rows into the table ``results`` of an open database."""

    def __init__(self, database: sqlite3.Connection, columns: Sequence[str]) -> None:
        self._database = database
        self._count = itertools.count(1)
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        database.execute(f"CREATE TABLE results ({names})")
        self._insert = f"INSERT INTO results VALUES ({', '.join('?' * len(columns))})"

    def write(self, row: Row) -> None:
        """Insert one row."""
        self._database.execute(self._insert, [_cell(value) for value in row.values()])
        if next(self._count) % _ROWS_PER_COMMIT == 0:
            self._database.commit()


@contextlib.contextmanager
def sqlite_sink(path: Path, columns: Sequence[str]) -> Iterator[_SqliteSink]:
    """A sink that writes a new database, committed when the block ends without an error.

    Args:
        path: of the database, which does not exist yet.
        columns: of all rows, in their order.

    Raises:
        OutputError: the database cannot be written.
    """
    try:
        with contextlib.closing(sqlite3.connect(path)) as database:
            yield _SqliteSink(database, columns)
            database.commit()
    except sqlite3.Error as error:
        raise OutputError(
            f"cannot write {path}: {error}. Choose a writable folder with free space."
        ) from error


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    return strict_text(value if isinstance(value, str) else json.dumps(value))
