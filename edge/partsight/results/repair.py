"""Examines a result file before rows are appended to it.

Only a file that was certainly written by this program is changed, and only by removing one torn
row at its end: its writer was killed, or the disk was full. Any other file is not ours to change.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

from partsight.utils.counts import counted

__all__ = ["csv_header", "whole_bytes"]


def whole_bytes(
    path: Path, kind: Literal["jsonl", "csv"], *, first_column: str | None = "seq"
) -> int:
    """The number of bytes at the start of a file that are complete rows.

    After them there is nothing, or one torn row.

    Args:
        path: of the file.
        kind: its format.
        first_column: of every row that this program writes there; None if the name of the file
            already shows who wrote it.

    Raises:
        ValueError: the file was not written by this program, or was changed since.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        scan = _whole_csv if kind == "csv" else _whole_jsonl
        whole, torn = scan(stream, first_column)
    if whole == 0 and first_column is not None:
        start = f"{first_column}," if kind == "csv" else f'{{"{first_column}": '
        if not (start.encode().startswith(torn) or torn.startswith(start.encode())):
            raise ValueError(f"expected the beginning {start!r}, received {torn[:40]!r}")
    return whole


def _whole_jsonl(stream: IO[bytes], first_column: str | None) -> tuple[int, bytes]:
    """Return the number of bytes of complete lines, and the torn line."""
    whole = 0
    for number, line in enumerate(stream, 1):
        if not line.endswith(b"\n"):
            return whole, line
        if not (line.startswith(b"{") and line.endswith(b"}\n")):
            raise ValueError(f"line {number} is no JSON object, received {line[:40]!r}")
        if number == 1 and first_column is not None and not _has_column(line, first_column):
            raise ValueError(f"line 1 has no {first_column!r}, received {line[:40]!r}")
        whole += len(line)
    return whole, b""


def _has_column(line: bytes, name: str) -> bool:
    try:
        return name in json.loads(line)
    except ValueError:
        return False


def _whole_csv(stream: IO[bytes], first_column: str | None) -> tuple[int, bytes]:
    r"""Return the number of bytes of complete rows, and the torn row.

    A row ends with ``\r\n``. A quoted field may contain line ends as well; outside such a field,
    the number of preceding quotes is even (RFC 4180).
    """
    whole = number = quotes = 0
    columns: list[str] = []
    torn: list[bytes] = []
    for line in stream:
        torn.append(line)
        quotes += line.count(b'"')
        if quotes % 2 or not line.endswith(b"\n"):
            continue
        number += 1
        if not line.endswith(b"\r\n"):
            raise ValueError(f"row {number} ends with '\\n', expected '\\r\\n'")
        fields = _fields(torn)
        if number == 1 and first_column is not None and fields[:1] != [first_column]:
            raise ValueError(f"its first column is {fields[:1]}, expected {first_column!r}")
        columns = columns or fields
        if len(fields) != len(columns):
            raise ValueError(
                f"row {number} has {counted(len(fields), 'field')}, expected "
                f"{len(columns)} as in row 1"
            )
        whole += sum(map(len, torn))
        torn = []
    # A row within what seems one torn row: a quote was added or removed above it.
    if any(len(_fields([line])) == len(columns) > 1 for line in torn[1:]):
        raise ValueError(f"row {number + 1} has a quote that is never closed")
    return whole, b"".join(torn)


def _fields(lines: Sequence[bytes]) -> list[str]:
    text = b"".join(lines).decode("utf-8", "surrogateescape")
    return next(csv.reader(io.StringIO(text, newline="")), [])


def csv_header(path: Path) -> list[str]:
    """The column names of a CSV file; none if it is empty.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return next(csv.reader(stream), [])
