"""Comma-separated values with a header (RFC 4180); mappings and lists are written as JSON.

A text that a spreadsheet would run as a formula gets an apostrophe in front: part ids and file
names come from outside, and a formula can send the sheet's content to an address.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from partsight.results.base import Row

__all__ = ["CsvSink", "csv_row", "plain_text"]

# Spreadsheets also accept the full-width forms. Apostrophes in front are matched too, so that
# ``plain_text`` can tell ours from those of the text.
_FORMULA = re.compile(
    "'*[=+\\-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]"
)


class CsvSink:
    """Writes rows to a text stream that was opened with ``newline=""``.

    Args:
        stream: the open stream.
        columns: of all rows, for a header that is written at once, also if no row follows; without
            them the first row's are written with it.
        header: whether to write a header.
    """

    def __init__(self, stream: TextIO, columns: Iterable[str] = (), *, header: bool = True) -> None:
        self._writer = csv.writer(stream)
        self._header_due = header
        if columns and header:
            self._write_header(columns)

    def write(self, row: Row) -> None:
        """Write one row, after the header if there is none yet."""
        if self._header_due:
            self._write_header(row)
        self._writer.writerow(csv_row(row.values()))

    def _write_header(self, columns: Iterable[str]) -> None:
        self._writer.writerow(columns)
        self._header_due = False


def csv_row(values: Iterable[Any]) -> list[Any]:
    """Return the cells of a row for ``csv.writer``; no text among them is a formula."""
    return [_cell(value) for value in values]


def plain_text(cell: str) -> str:
    """Return the text of a cell that ``csv_row`` made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping | list):
        return json.dumps(value)
    if not isinstance(value, str):
        return value
    # Python 3.10 cannot write NUL and many programs cannot read it: write its symbol instead.
    text = value.replace("\0", "\N{SYMBOL FOR NULL}")
    return "'" + text if _FORMULA.match(text) else text
