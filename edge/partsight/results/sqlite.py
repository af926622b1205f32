"""Rows as a SQLite database of one table, ``results``, for those who ask in SQL.

Enters: rows of ``classify`` or of the journal. Leaves: a file; mappings and lists are JSON texts,
which SQLite's ``json_extract`` reads.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from partsight.errors import OutputError
from partsight.results.base import Row
from partsight.results.text import strict_text

__all__ = ["SqliteSink"]

# A transaction's journal is kept beside the file: not one for all rows.
_ROWS_AT_ONCE = 5000


class SqliteSink:
    """Writes rows to a new database; all have the columns of the first.

    A context manager: the file is ended when the block ends. Without rows it has no table.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._told():
            self._database = sqlite3.connect(path)
        self._count = itertools.count(1)

    def write(self, row: Row) -> None:
        """Write one row, and the table before the first.

        Raises:
            OutputError: it cannot be written.
        """
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in row)
        number = next(self._count)
        with self._told():
            if number == 1:
                self._database.execute(f"CREATE TABLE results ({names})")
            places = ", ".join("?" * len(row))
            self._database.execute(
                f"INSERT INTO results VALUES ({places})", [_cell(value) for value in row.values()]
            )
            if number % _ROWS_AT_ONCE == 0:
                self._database.commit()

    def __enter__(self) -> SqliteSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.closing(self._database), self._told():
            if kind is None:
                self._database.commit()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"cannot write {self._path}: {error}. Choose a place that is writable and has room."
            ) from error


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    return strict_text(value if isinstance(value, str) else json.dumps(value))
