"""Rows as an Apache Parquet file with typed columns, for analysis.

Rows are written in groups of a few thousand, so that memory stays bounded. Needs pyarrow, from the
extra ``parquet``.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from partsight.results.base import Row
from partsight.results.text import strict_text
from partsight.utils.imports import import_fault

__all__ = ["COMPRESSION", "arrow_table", "import_arrow", "parquet_sink"]

_GROUP_ROWS = 5000
COMPRESSION = "zstd"

# Types of the columns that are not texts, by name, so that all files of one kind have the same
# types even if all values of a column are None.
_TIMES = ("captured_at", "inspected_at", "modified_at", "at")
_REAL = ("score", "accept_above", "reject_below", "latency_ms", "frame_age_ms")
_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "seq": lambda pa: pa.int64(),
    "size": lambda pa: pa.int64(),
    "frame": lambda pa: pa.int64(),
    **dict.fromkeys(_REAL, lambda pa: pa.float64()),
    "scores": lambda pa: pa.map_(pa.string(), pa.float64()),
    "stages_ms": lambda pa: pa.map_(pa.string(), pa.float64()),
    "tile": lambda pa: pa.list_(pa.int64()),
    **dict.fromkeys(_TIMES, lambda pa: pa.timestamp("ms", "UTC")),
}


class _ParquetSink:
    """Collects rows and writes them in groups."""

    def __init__(self, path: Path, columns: Iterable[str]) -> None:
        self._arrow, parquet = import_arrow()
        schema = _schema(self._arrow, columns)
        self._writer = parquet.ParquetWriter(path, schema, compression=COMPRESSION)
        self._rows: list[Row] = []

    def write(self, row: Row) -> None:
        """Add one row; write a group when there are enough rows.

        Raises:
            OSError: the group cannot be written.
        """
        self._rows.append(row)
        if len(self._rows) >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the collected rows."""
        if self._rows:
            self._writer.write_table(_table(self._arrow, self._writer.schema, self._rows))
            self._rows = []

    def close(self) -> None:
        """Write the end of the file."""
        self._writer.close()


@contextlib.contextmanager
def parquet_sink(path: Path, columns: Iterable[str]) -> Iterator[_ParquetSink]:
    """A sink that writes a Parquet file, complete when the block ends without an error.

    Args:
        path: of the file.
        columns: of all rows, in their order.

    Raises:
        EnvironmentFault: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    sink = _ParquetSink(path, columns)
    try:
        yield sink
        sink.flush()
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to report
            sink.close()
        raise
    sink.close()


def arrow_table(columns: Iterable[str], rows: Iterable[Row]) -> Any:
    """Rows as a table of pyarrow, with the column types of ``parquet_sink``.

    Args:
        columns: of all rows; needed if there are none.
        rows: kept in memory.

    Raises:
        EnvironmentFault: pyarrow is not installed.
    """
    pa, _ = import_arrow()
    return _table(pa, _schema(pa, columns), rows)


def _schema(pa: Any, columns: Iterable[str]) -> Any:
    return pa.schema([(name, _TYPES.get(name, _text)(pa)) for name in columns])


def _table(pa: Any, schema: Any, rows: Iterable[Row]) -> Any:
    values = [{name: _value(name, value) for name, value in row.items()} for row in rows]
    return pa.Table.from_pylist(values, schema=schema)


def import_arrow() -> tuple[Any, Any]:
    """The modules ``pyarrow`` and ``pyarrow.parquet``.

    Raises:
        EnvironmentFault: pyarrow is not installed.
    """
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise import_fault("a Parquet file", "pyarrow", "partsight[parquet]", error) from error


def _text(pa: Any) -> Any:
    return pa.string()


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _TIMES:
        return datetime.fromisoformat(value)
    if name in _TYPES:
        return list(value.items()) if isinstance(value, Mapping) else value
    return strict_text(value if isinstance(value, str) else json.dumps(value))
