"""Lists of paths: a text with one path per line, a column of a table, or what a pipe brings.

Paths in them are relative to the current folder, as those on a command line are, and as those that
``partsight classify`` writes: its own table is a list.
"""

from __future__ import annotations

import codecs
import itertools
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from partsight.utils.tables import column_name, table_rows
from partsight.utils.text_files import BLOCK, encoding_of, nfc, open_text

__all__ = ["paths_in_stream", "paths_in_table", "paths_in_text", "path_on_disk"]

# Headers of the column of paths, as ``column_name`` normalizes them; the first one found is taken.
_COLUMNS = (
    *("path", "filepath", "imagepath", "picturepath"),
    *("file", "filename", "image", "imagefile", "imagename", "picture"),
)


def paths_in_text(path: Path) -> Iterator[str]:
    """The lines of a text file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a text.
    """
    with path.open("rb") as stream:
        yield from paths_in_stream(stream)


def paths_in_table(path: Path) -> Iterator[str]:
    """The column ``path``, or ``file`` or the like, of a CSV file; its first where it has none.

    Fields are separated by commas, semicolons or tabs.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no CSV file.
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
    """Paths that are separated by line ends; by NUL bytes where the first block has one.

    That is what ``find`` writes, and ``find -print0`` where names may have line ends. Bytes that
    are not UTF-8 stay as they are, as in names of files.

    Raises:
        ValueError: it is not such a list, but binary data.
    """
    first = stream.read(BLOCK)
    encoding = encoding_of(first)
    if encoding is None:
        if b"\0\0" in first or first.startswith(b"\0"):
            raise ValueError("it is binary data: expected a text in UTF-8 or UTF-16")
        separator = b"\0"
    else:
        separator = b"\r" if b"\r" in first and b"\n" not in first else b"\n"
    rest = b""
    for block in _as_utf8(stream, first, encoding or "utf-8"):
        *whole, rest = (rest + block).split(separator)
        yield from _named(whole, separator)
    yield from _named([rest], separator)


def path_on_disk(name: str) -> str:
    """The path that an entry of a list stands for.

    What exists under exactly this name wins. Otherwise spaces and quotes around it are not part
    of it, backslashes separate folders, and names that are equal under NFC are the same name:
    macOS writes an ``ä`` as two characters.
    """
    if os.path.lexists(name):
        return name
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
    """Where each folder on the way may have its name in another form."""
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
    """The blocks of a stream without a byte order mark; those in UTF-8 are not looked at."""
    blocks = itertools.chain([first], iter(lambda: stream.read(BLOCK), b""))
    if encoding.startswith("utf-8"):
        yield next(blocks).removeprefix(codecs.BOM_UTF8)
        yield from blocks
    else:
        for text in codecs.iterdecode(blocks, encoding):
            yield text.encode()


def _named(entries: list[bytes], separator: bytes) -> Iterator[str]:
    for entry in entries:
        name = entry.rstrip(b"\r") if separator == b"\n" else entry
        if name:
            yield os.fsdecode(name)
