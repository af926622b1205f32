"""A JSON object a line."""

from __future__ import annotations

import json
from typing import TextIO

from partsight.results.base import Row

__all__ = ["JsonLinesSink"]


class JsonLinesSink:
    """Writes rows to a text stream, in ASCII, so that any reader gets any path back.

    Each line is flushed: whoever reads a pipe acts on the part that is before the camera.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: Row) -> None:
        """Write one row as a line and flush it: whoever reads a pipe must not wait for more."""
        self._stream.write(json.dumps(row) + "\n")
        self._stream.flush()
