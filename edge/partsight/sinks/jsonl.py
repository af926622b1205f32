"""A JSON object a line."""

from __future__ import annotations

import json
from typing import TextIO

from partsight.sinks.base import Row

__all__ = ["JsonLinesSink"]


class JsonLinesSink:
    """Writes rows to a text stream, in ASCII, so that any reader gets any path back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: Row) -> None:
        """Write one row as a line."""
        self._stream.write(json.dumps(row) + "\n")
