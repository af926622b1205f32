"""Rows as an Apache Parquet file, for those who analyse many: typed columns, read by any tool.

Enters: rows of ``classify`` or of the journal. Leaves: a file, a row group every few thousand rows,
so that memory stays small whatever their number. Needs pyarrow, the extra ``parquet``.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from partsight.results.base import Row
from partsight.results.text import strict_text
from partsight.utils.imports import import_fault

__all__ = ["COMPRESSION", "ParquetSink", "arrow_table"]

_GROUP_ROWS = 5000
COMPRESSION = "zstd"

# Columns that are no texts, by name: rows of one kind have the same types from file to file,
# also where all values of a column are None.
_REAL = ("score", "accept_above", "reject_below", "latency_ms", "frame_age_ms")
_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "seq": lambda pa: pa.int64(),
    "size": lambda pa: pa.int64(),
    "frame": lambda pa: pa.int64(),
    **dict.fromkeys(_REAL, lambda pa: pa.float64()),
    "scores": lambda pa: pa.map_(pa.string(), pa.float64()),
    "stages_ms": lambda pa: pa.map_(pa.string(), pa.float64()),
    "tile": lambda pa: pa.list_(pa.int64()),
    "captured_at": lambda pa: pa.timestamp("ms", "UTC"),
    "modified_at": lambda pa: pa.timestamp("ms", "UTC"),
    "at": lambda pa: pa.timestamp("ms", "UTC"),
}


class ParquetSink:
    """Writes rows to a Parquet file; all have the columns of the first.

    A context manager: the file is ended when the block ends. Without rows it has no columns.

    Args:
        path: the file.

    Raises:
        EnvironmentFault: pyarrow is not installed.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._arrow, self._parquet = _imported()
        self._path = path
        self._rows: list[Row] = []
        self._writer: Any = None

    def write(self, row: Row) -> None:
        """Keep one row, and write them when they are many.

        Raises:
            OSError: they cannot be written.
        """
        self._rows.append(row)
        if len(self._rows) >= _GROUP_ROWS:
            self._write_group()

    def __enter__(self) -> ParquetSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._write_group()
            self._writer.close()
        elif self._writer is not None:
            # It is no file yet and will be none; why is known already.
            with contextlib.suppress(OSError):
                self._writer.close()

    def _write_group(self) -> None:
        pa = self._arrow
        if self._writer is None:
            columns = self._rows[0] if self._rows else ()
            schema = _schema(pa, columns)
            self._writer = self._parquet.ParquetWriter(self._path, schema, compression=COMPRESSION)
        if self._rows:
            self._writer.write_table(_table(pa, self._writer.schema, self._rows))
            self._rows = []


def arrow_table(columns: Iterable[str], rows: Iterable[Row]) -> Any:
    """Rows as a table of pyarrow, with the types that ``ParquetSink`` gives them.

    Args:
        columns: of all rows, also where there is none.
        rows: at once in memory.

    Raises:
        EnvironmentFault: pyarrow is not installed.
    """
    pa, _ = _imported()
    return _table(pa, _schema(pa, columns), rows)


def _schema(pa: Any, columns: Iterable[str]) -> Any:
    return pa.schema([(name, _TYPES.get(name, _text)(pa)) for name in columns])


def _table(pa: Any, schema: Any, rows: Iterable[Row]) -> Any:
    values = [{name: _value(name, value) for name, value in row.items()} for row in rows]
    return pa.Table.from_pylist(values, schema=schema)


def _imported() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise import_fault("a Parquet file", "pyarrow", "partsight[parquet]", error) from error


def _text(pa: Any) -> Any:
    return pa.string()


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ("captured_at", "modified_at", "at"):
        return datetime.fromisoformat(value)
    if name in _TYPES:
        return list(value.items()) if isinstance(value, Mapping) else value
    return strict_text(value if isinstance(value, str) else json.dumps(value))
