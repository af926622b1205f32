"""Verdicts as JSON lines on standard output.

After the reader of a pipe has left, rows are dropped, so that they neither pile up nor keep old
rows in the journal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
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


class StdoutSink(nullcontext["StdoutSink"]):
    """A ``LineSink`` that writes to a stream. It does not close the stream."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(self)
        self._stream = stream
        self._sink: JsonLinesSink | None = JsonLinesSink(stream)

    def deliver(self, rows: Sequence[Row]) -> int:
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
        return len(rows)

    def report(self, status: Mapping[str, Any]) -> bool:
        """Write nothing: readers expect one row per line."""
        return False


def open_sink(config: object) -> LineSink:
    """Return the sink for ``kind = "stdout"``."""
    return StdoutSink(sys.stdout)


def _quiet(stream: TextIO) -> None:
    """Redirect buffered output to nowhere, so that Python prints no error at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # not a file of the operating system, or closed already
