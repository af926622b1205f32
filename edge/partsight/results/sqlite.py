"""Rows as a SQLite database with one table, ``results``.

Mappings and lists are JSON texts, which SQLite's ``json_extract`` reads.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterator
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

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._count = itertools.count(1)

    def write(self, row: Row) -> None:
        """Insert one row, after creating the table if it is the first."""
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in row)
        number = next(self._count)
        if number == 1:
            self._database.execute(f"CREATE TABLE results ({names})")
        places = ", ".join("?" * len(row))
        self._database.execute(
            f"INSERT INTO results VALUES ({places})", [_cell(value) for value in row.values()]
        )
        if number % _ROWS_PER_COMMIT == 0:
            self._database.commit()


@contextlib.contextmanager
def sqlite_sink(path: Path) -> Iterator[_SqliteSink]:
    """A sink that writes a new database, committed when the block ends without an error.

    All rows have the columns of the first; a database without rows has no table.

    Raises:
        OutputError: the database cannot be written.
    """
    try:
        with contextlib.closing(sqlite3.connect(path)) as database:
            yield _SqliteSink(database)
            database.commit()
    except sqlite3.Error as error:
        raise OutputError(
            f"cannot write {path}: {error}. Choose a writable folder with free space."
        ) from error


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    return strict_text(value if isinstance(value, str) else json.dumps(value))
