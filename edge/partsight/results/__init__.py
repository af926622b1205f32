"""Result files. A new file format is one module here and one line in ``_BY_ENDING``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TextIO

from partsight.errors import OutputError
from partsight.results.base import Sink
from partsight.results.csv import CsvSink
from partsight.results.jsonl import JsonLinesSink
from partsight.results.memory import MemorySink
from partsight.results.text import ERRORS
from partsight.utils.files import atomic_path

__all__ = [
    "CsvSink",
    "JsonLinesSink",
    "MemorySink",
    "Sink",
    "file_sink",
    "require_sink",
    "sink_endings",
]

_Opener = Callable[[Path, Sequence[str]], AbstractContextManager[Sink]]


def _text(make: Callable[[TextIO, Sequence[str]], Sink]) -> _Opener:
    """A function that opens a file for a sink that writes text."""

    @contextlib.contextmanager
    def open_sink(path: Path, columns: Sequence[str]) -> Iterator[Sink]:
        with path.open("x", encoding="utf-8", errors=ERRORS, newline="") as stream:
            yield make(stream, columns)

    return open_sink


def _parquet(path: Path, columns: Sequence[str]) -> AbstractContextManager[Sink]:
    from partsight.results.parquet import parquet_sink

    return parquet_sink(path, columns)


def _sqlite(path: Path, columns: Sequence[str]) -> AbstractContextManager[Sink]:
    from partsight.results.sqlite import sqlite_sink

    return sqlite_sink(path, columns)


_BY_ENDING: dict[str, _Opener] = {
    ".jsonl": _text(lambda stream, _: JsonLinesSink(stream)),
    ".csv": _text(CsvSink),
    ".parquet": _parquet,
    ".sqlite": _sqlite,
}


def sink_endings() -> list[str]:
    """The file name endings that ``file_sink`` supports."""
    return sorted(_BY_ENDING)


def require_sink(destination: Path) -> None:
    """Check that a result file of this format can be written.

    Raises:
        EnvironmentFault: the package for this format is not installed.
        OutputError: the ending is not in ``sink_endings``.
    """
    if destination.suffix.lower() not in _BY_ENDING:
        raise OutputError(
            f"unknown format of {destination}. Expected a name ending in "
            f"{' or '.join(sink_endings())}, received {destination.suffix or 'no ending'!r}."
        )
    if destination.suffix.lower() == ".parquet":
        from partsight.results.parquet import import_arrow

        import_arrow()


@contextlib.contextmanager
def file_sink(destination: Path, columns: Sequence[str]) -> Iterator[Sink]:
    """A sink whose file appears whole when the block ends without an error, or not at all.

    Args:
        destination: the file; its ending selects the format.
        columns: of all rows. A file without rows has them too, so that many files read alike.

    Raises:
        EnvironmentFault: the package for this format is not installed.
        OutputError: the ending is not in ``sink_endings``, or the file cannot be written.
    """
    require_sink(destination)
    open_sink = _BY_ENDING[destination.suffix.lower()]
    with atomic_path(destination) as temporary, open_sink(temporary, columns) as sink:
        yield sink
