"""Finds the complete rows of a result file whose writer was killed or whose disk was full."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

__all__ = ["csv_header", "whole_bytes"]


def whole_bytes(path: Path, kind: Literal["jsonl", "csv"]) -> int:
    """The number of bytes at the start of a file that are complete rows.

    A row ends with a line end. A quoted CSV field may contain line ends as well; outside such a
    field, the number of preceding quotes is even (RFC 4180).

    Raises:
        OSError: the file cannot be read.
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
    """The column names of a CSV file; none if it is empty.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return next(csv.reader(stream), [])
