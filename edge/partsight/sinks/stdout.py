"""Verdicts as JSON lines on standard output, for as long as somebody reads it.

Enters: rows of the journal, from a feeder. Leaves: lines in a pipe or terminal. When its reader
has left, nobody will ever read them: rows are then taken and dropped, so that they neither pile
up nor keep old rows in the journal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, TextIO

from partsight.errors import SinkClosed
from partsight.results.base import Row
from partsight.results.jsonl import JsonLinesSink
from partsight.sinks.base import LineSink

__all__ = ["StdoutSink", "open_sink"]

_CLOSED = (
    "the reader of the standard output has left. Verdicts are dropped here and stay in the "
    "journal; start the line again to have a reader again."
)


class StdoutSink:
    """A ``LineSink`` that writes to a stream, and forgets it when it is closed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._sink: JsonLinesSink | None = JsonLinesSink(stream)

    def __enter__(self) -> StdoutSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """The stream is not ours to close."""

    def deliver(self, rows: Sequence[Row]) -> None:
        """Write rows; see ``LineSink``.

        Raises:
            SinkClosed: the reader has left.
        """
        if self._sink is None:
            raise SinkClosed(_CLOSED)
        try:
            for row in rows:
                self._sink.write(row)
        except (BrokenPipeError, ValueError) as error:
            self._sink = None
            _quiet(self._stream)
            raise SinkClosed(_CLOSED) from error

    def report(self, status: Mapping[str, Any]) -> bool:
        """Write nothing: readers expect one row per line."""
        return False


def open_sink(config: object) -> LineSink:
    """The sink for ``kind = "stdout"``."""
    return StdoutSink(sys.stdout)


def _quiet(stream: TextIO) -> None:
    """Let what is left in the stream go nowhere: else Python complains of it at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # no stream of the system's, or closed already
