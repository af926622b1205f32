"""Comma-separated values with a header (RFC 4180); mappings and lists are written as JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from typing import Any, TextIO

from partsight.results.base import Row

__all__ = ["CsvSink"]


class CsvSink:
    """Writes rows to a text stream that was opened with ``newline=""``.

    Args:
        stream: the open stream.
        header: whether to write a header before the first row.
    """

    def __init__(self, stream: TextIO, *, header: bool = True) -> None:
        self._writer = csv.writer(stream)
        self._header_due = header

    def write(self, row: Row) -> None:
        """Write one row, after the header if it is the first."""
        if self._header_due:
            self._writer.writerow(row)
            self._header_due = False
        self._writer.writerow(map(_cell, row.values()))


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping | list):
        return json.dumps(value)
    # Python 3.10 cannot write NUL and many programs cannot read it: write its symbol instead.
    return value.replace("\0", "\N{SYMBOL FOR NULL}") if isinstance(value, str) else value
