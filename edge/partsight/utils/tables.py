"""Tables in text files, with fields separated by commas, semicolons or tabs."""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import IO

from partsight.utils.text_files import nfc

__all__ = ["column_name", "table_rows"]

_DELIMITERS = ",;\t"
_SNIFFED_LINES = 10
# A first line that names the delimiter for Excel.
_EXCEL_HINT = re.compile(r'"?sep=(?P<delimiter>[,;|\t])"?[,;]*', re.IGNORECASE)


def table_rows(stream: IO[str], columns: Sequence[str] = ()) -> Iterator[list[str]]:
    """The rows of a table whose fields are separated by commas, semicolons or tabs.

    Args:
        stream: the text of the table, with unchanged line ends.
        columns: normalized names, one of which the header should have. A delimiter that gives such
            a column is preferred.

    Yields:
        Each row that is not empty, including the header, with unchanged fields.

    Raises:
        ValueError: a row is malformed; the message names the line.
    """
    start = list(itertools.islice(stream, _SNIFFED_LINES))
    skipped = 0
    if start and (hint := _EXCEL_HINT.fullmatch(start[0].strip())):
        delimiter, skipped = hint["delimiter"], 1
    else:
        delimiter = _delimiter(start, columns)
    rows = csv.reader(itertools.chain(start[skipped:], stream), delimiter=delimiter)
    try:
        yield from filter(any, rows)
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num + skipped}: {error}") from error


def column_name(text: str) -> str:
    """A column's name for comparison: ``File Name``, ``file_name `` and ``filename`` are equal."""
    return re.sub(r"[\s_\"'-]", "", nfc(text)).casefold()


def _delimiter(start: Sequence[str], columns: Sequence[str]) -> str:
    lines = [line for line in start if line.strip()]
    if not lines:
        return ","
    header = lines[0]
    with contextlib.suppress(csv.Error):  # raised again when the rows are read
        for each in _DELIMITERS:
            names = map(column_name, next(csv.reader([header], delimiter=each), []))
            if not set(columns).isdisjoint(names):
                return each
        return max(_DELIMITERS, key=lambda each: _common_width(lines, each))
    return ","


def _common_width(lines: Sequence[str], delimiter: str) -> int:
    """The number of fields of every line with this delimiter; 0 if the lines differ."""
    widths = {len(row) for row in csv.reader(lines, delimiter=delimiter)}
    return widths.pop() if len(widths) == 1 else 0
