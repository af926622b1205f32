"""Lists of paths: a text with one path per line, a column of a table, or a pipe.

Paths are relative to the current folder, like those on the command line and in the rows of
``partsight classify``, whose table can be used as a list.
"""

from __future__ import annotations

import codecs
import itertools
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from partsight.results.csv import plain_text
from partsight.utils.tables import column_name, table_rows
from partsight.utils.text_files import BLOCK, encoding_of, nfc, open_text

__all__ = ["paths_in_stream", "paths_in_table", "paths_in_text", "path_on_disk"]

# Headers of the column of paths, normalized by ``column_name``; the first one found is used.
_COLUMNS = (
    *("path", "filepath", "imagepath", "picturepath"),
    *("file", "filename", "image", "imagefile", "imagename", "picture"),
)


def paths_in_text(path: Path) -> Iterator[str]:
    """The lines of a text file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a text.
    """
    with path.open("rb") as stream:
        yield from paths_in_stream(stream)


def paths_in_table(path: Path) -> Iterator[str]:
    """The column of paths of a CSV file: ``path``, ``file`` or similar, or else the first column.

    Fields are separated by commas, semicolons or tabs.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a CSV file.
    """
    with open_text(path, "surrogateescape") as stream:
        rows = table_rows(stream, _COLUMNS)
        header = next(rows, [])
        names = [column_name(name) for name in header]
        column = next((name for name in _COLUMNS if name in names), None)
        if column is None and header:
            yield header[0]
        place = 0 if column is None else names.index(column)
        for row in rows:
            if len(row) > place and row[place]:
                yield row[place]


def paths_in_stream(stream: IO[bytes]) -> Iterator[str]:
    """Paths separated by line ends, or by NUL bytes if the first block has one.

    These are the outputs of ``find`` and of ``find -print0``. Bytes that are not UTF-8 are kept, as
    in file names.

    Raises:
        ValueError: the stream is binary data.
    """
    first = stream.read(BLOCK)
    encoding = encoding_of(first)
    if encoding is None:
        if b"\0\0" in first or first.startswith(b"\0"):
            raise ValueError("the list is binary data: expected a text in UTF-8 or UTF-16")
        separator = b"\0"
    else:
        separator = b"\r" if b"\r" in first and b"\n" not in first else b"\n"
    rest = b""
    for block in _as_utf8(stream, first, encoding or "utf-8"):
        *whole, rest = (rest + block).split(separator)
        yield from _decode(whole, separator)
    yield from _decode([rest], separator)


def path_on_disk(name: str) -> str:
    """The path that an entry of a list stands for.

    An existing file of exactly this name has priority, then one without the apostrophe that
    ``results.csv`` puts before a text like a formula. Otherwise spaces and quotes around the
    entry are removed, backslashes separate folders, and names are compared in NFC, because macOS
    writes an ``ä`` as two characters.
    """
    if os.path.lexists(name):
        return name
    if os.path.lexists(plain := plain_text(name)):
        return plain
    bare = name.replace("\ufeff", "").strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip()
    for each in dict.fromkeys((bare, bare.replace("\\", os.sep))):
        found = _equal_under_nfc(each)
        if found is not None:
            return found
    return bare


def _equal_under_nfc(name: str) -> str | None:
    for form in (name, nfc(name), unicodedata.normalize("NFD", name)):
        if os.path.lexists(form):
            return form
    return None if name.isascii() else _by_components(name)


def _by_components(name: str) -> str | None:
    """The existing path whose components are equal in NFC, or None."""
    head, tail = os.path.split(name)
    if not tail:
        return name if os.path.isdir(name) else None
    folder = _equal_under_nfc(head) if head else ""
    if folder is None:
        return None
    try:
        names = os.listdir(folder or os.curdir)
    except OSError:
        return None
    same = next((each for each in names if nfc(each) == nfc(tail)), None)
    return None if same is None else os.path.join(folder, same)


def _as_utf8(stream: IO[bytes], first: bytes, encoding: str) -> Iterator[bytes]:
    """The blocks of a stream in UTF-8, without a byte order mark."""
    blocks = itertools.chain([first], iter(lambda: stream.read(BLOCK), b""))
    if encoding.startswith("utf-8"):
        yield next(blocks).removeprefix(codecs.BOM_UTF8)
        yield from blocks
    else:
        for text in codecs.iterdecode(blocks, encoding):
            yield text.encode()


def _decode(entries: list[bytes], separator: bytes) -> Iterator[str]:
    for entry in entries:
        name = entry.rstrip(b"\r") if separator == b"\n" else entry
        if name:
            yield os.fsdecode(name)
