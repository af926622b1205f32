"""Comma-separated values with a header (RFC 4180); mappings and lists are written as JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from typing import TextIO

from partsight.sinks.base import Row

__all__ = ["CsvSink"]


class CsvSink:
    """Writes rows to a text stream that was opened with ``newline=""``.

    Args:
        stream: where to.
        header: whether the header is yet to be written.
    """

    def __init__(self, stream: TextIO, *, header: bool = True) -> None:
        self._writer = csv.writer(stream)
        self._header_due = header

    def write(self, row: Row) -> None:
        """Write one row, and the header before the first."""
        if self._header_due:
            self._writer.writerow(row)
            self._header_due = False
        self._writer.writerow(
            json.dumps(value) if isinstance(value, Mapping | list) else value
            for value in row.values()
        )
