"""Verdicts as JSON lines on standard output.

After the reader of a pipe has left, rows are dropped, so that they neither pile up nor keep old
rows in the journal. If the output goes to a file on a full disk, they are delivered later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, TextIO

from partsight.errors import SinkClosed, SinkUnavailable
from partsight.results.base import Row
from partsight.results.jsonl import JsonLinesSink
from partsight.sinks.base import LineSink

__all__ = ["StdoutSink", "open_sink"]

_CLOSED = (
    "no process reads the standard output any more. Verdicts are no longer written to it, and stay "
    "in the journal. Start the line again with a reader."
)


class StdoutSink(nullcontext["StdoutSink"]):
    """A ``LineSink`` that writes to a stream. It does not close the stream."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(self)
        self._stream = stream
        self._sink = None if stream is None else JsonLinesSink(stream)

    def deliver(self, rows: Sequence[Row]) -> int:
        """Write rows; see ``LineSink``.

        Raises:
            SinkClosed: no process reads the stream any more.
            SinkUnavailable: the output cannot be written now, as on a full disk.
        """
        if self._sink is None or self._stream is None:
            raise SinkClosed(_CLOSED)
        try:
            for row in rows:
                self._sink.write(row)
        except (BrokenPipeError, ValueError) as error:
            self._sink = None
            _quiet(self._stream)
            raise SinkClosed(_CLOSED) from error
        except OSError as error:
            # The unwritten end of a row stays in the stream's buffer and is written first later.
            raise SinkUnavailable(
                f"cannot write to the standard output: {error.strerror or error}. Expected a pipe "
                "with a reader, or a file on a disk with free space."
            ) from error
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
