"""Lists of paths: a text a line each, a table's column ``path``, or what a pipe brings.

Paths in them are relative to the current folder, as those on a command line are, and as those that
``partsight classify`` writes: its own table is a list.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["paths_in_stream", "paths_in_table", "paths_in_text"]

_COLUMN = "path"
_BLOCK = 1 << 16


def paths_in_text(path: Path) -> Iterator[str]:
    """The lines of a text file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        yield from paths_in_stream(stream)


def paths_in_table(path: Path) -> Iterator[str]:
    """The column ``path`` of a CSV file, or its first where there is none of that name.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no CSV file.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        try:
            rows = csv.reader(stream)
            header = next(rows, [])
            if _COLUMN not in header and header:
                yield header[0]
            place = header.index(_COLUMN) if _COLUMN in header else 0
            for row in rows:
                if len(row) > place and row[place]:
                    yield row[place]
        except csv.Error as error:
            raise ValueError(f"line {rows.line_num}: {error}") from error


def paths_in_stream(stream: IO[bytes]) -> Iterator[str]:
    """Paths that are separated by line ends; by NUL bytes where the first block has one.

    That is what ``find`` writes, and ``find -print0`` where names may have line ends.
    """
    block = stream.read(_BLOCK)
    separator = b"\0" if b"\0" in block else b"\n"
    rest = b""
    while block:
        *whole, rest = (rest + block).split(separator)
        yield from _named(whole, separator)
        block = stream.read(_BLOCK)
    yield from _named([rest], separator)


def _named(entries: list[bytes], separator: bytes) -> Iterator[str]:
    for entry in entries:
        name = entry.rstrip(b"\r") if separator == b"\n" else entry
        if name:
            yield os.fsdecode(name)
