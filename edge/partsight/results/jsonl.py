"""JSON lines: one JSON object per line."""

from __future__ import annotations

import json
from typing import TextIO

from partsight.results.base import Row

__all__ = ["JsonLinesSink"]


class JsonLinesSink:
    """Writes rows to a text stream, in ASCII, so that any reader can decode any path.

    Each line is flushed, because the reader of a pipe acts on the part in front of the camera.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: Row) -> None:
        """Write one row as a line and flush it."""
        self._stream.write(json.dumps(row) + "\n")
        self._stream.flush()
