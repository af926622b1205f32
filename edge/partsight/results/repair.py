"""What of a file of rows is whole, after whoever wrote it was killed or the disk was full.

Enters: a path. Leaves: how many of its bytes are whole rows. ``rotating`` calls it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

__all__ = ["csv_header", "whole_bytes"]


def whole_bytes(path: Path, kind: Literal["jsonl", "csv"]) -> int:
    """How many bytes from the start of a file are whole rows.

    A row of JSON ends with a line. One of CSV does too, but a text in quotes may have several:
    outside of them the number of quotes before is even (RFC 4180).

    Raises:
        OSError: it cannot be read.
    """
    whole = place = quotes = 0
    ending = b"\r\n" if kind == "csv" else b"\n"
    with path.open("rb") as stream:
        for line in stream:
            place += len(line)
            quotes += line.count(b'"') if kind == "csv" else 0
            if line.endswith(ending) and quotes % 2 == 0:
                whole = place
    return whole


def csv_header(path: Path) -> list[str]:
    """The names of the columns of a CSV file; none of an empty one.

    Raises:
        OSError: it cannot be read.
    """
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return next(csv.reader(stream), [])
