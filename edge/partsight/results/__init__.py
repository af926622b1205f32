"""Where results go. A new kind of file is a module here and a line in ``_BY_ENDING``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
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

_Opener = Callable[[Path], AbstractContextManager[Sink]]


def _text(make: Callable[[TextIO], Sink]) -> _Opener:
    """Of a sink that writes text what opens its file."""

    @contextlib.contextmanager
    def opened(path: Path) -> Iterator[Sink]:
        with path.open("x", encoding="utf-8", errors=ERRORS, newline="") as stream:
            yield make(stream)

    return opened


def _parquet(path: Path) -> AbstractContextManager[Sink]:
    from partsight.results.parquet import ParquetSink

    return ParquetSink(path)


def _sqlite(path: Path) -> AbstractContextManager[Sink]:
    from partsight.results.sqlite import SqliteSink

    return SqliteSink(path)


_BY_ENDING: dict[str, _Opener] = {
    ".jsonl": _text(JsonLinesSink),
    ".csv": _text(CsvSink),
    ".parquet": _parquet,
    ".sqlite": _sqlite,
}


def sink_endings() -> list[str]:
    """The endings of file names that ``file_sink`` knows."""
    return sorted(_BY_ENDING)


def require_sink(destination: Path) -> None:
    """Refuse what no file can be written as, before there is anything to write.

    Raises:
        EnvironmentFault: a package that writes such files is not installed.
        OutputError: an ending that is not in ``sink_endings``.
    """
    if destination.suffix.lower() not in _BY_ENDING:
        raise OutputError(
            f"cannot tell the format of {destination}. Expected a name ending in "
            f"{' or '.join(sink_endings())}, received {destination.suffix or 'no ending'!r}."
        )
    if destination.suffix.lower() == ".parquet":
        _parquet(destination)


@contextlib.contextmanager
def file_sink(destination: Path) -> Iterator[Sink]:
    """A sink whose file appears whole when the block ends well, or not at all.

    Raises:
        EnvironmentFault: a package that writes such files is not installed.
        OutputError: an ending that is not in ``sink_endings``, or it cannot be written.
    """
    require_sink(destination)
    opened = _BY_ENDING[destination.suffix.lower()]
    with atomic_path(destination) as temporary, opened(temporary) as sink:
        yield sink
