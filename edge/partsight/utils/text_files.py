"""Text files that people and other programs wrote: label files, lists, tables, TOML, JSON, keys.

Every reader of such a file takes its text from here, so that all of them accept the same files:
UTF-8 with or without a byte order mark, UTF-16 and UTF-32 as Windows tools write them, and line
ends of every system.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

__all__ = [
    "BLOCK",
    "column_name",
    "decode_text",
    "encoding_of",
    "nfc",
    "open_text",
    "read_json",
    "read_lines",
    "read_text",
    "split_lines",
    "table_rows",
]

# How a byte that is not text in the file's encoding is treated; paths keep theirs.
Errors = Literal["strict", "surrogateescape"]

# Bytes at the start of a file that its encoding is recognized from. Even, so that UTF-16 is whole.
BLOCK = 1 << 16
# The order matters: the mark of UTF-32-LE starts with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Of the 16-bit units of a text, how many have a zero byte: most in any text of Latin letters,
# some (line ends, dots, slashes) in a list of paths in another script.
_MOSTLY_LATIN, _SOME_LATIN = 0.7, 0.2
_FEWEST_UNITS = 4
_LINE_END = re.compile("\r\n|\n|\r")
_DELIMITERS = ",;\t"
_SNIFFED_LINES = 10
# What Excel reads as the delimiter of the lines below.
_EXCEL_HINT = re.compile(r'"?sep=(?P<delimiter>[,;|\t])"?[,;]*', re.IGNORECASE)


def read_text(path: Path, errors: Errors = "strict") -> str:
    """The text of a file, without a byte order mark.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a text; the message says in which line.
    """
    return decode_text(path.read_bytes(), errors)


def decode_text(data: bytes, errors: Errors = "strict") -> str:
    """The text that bytes hold, without a byte order mark. Line ends stay as they are.

    Raises:
        ValueError: the bytes are not a text in UTF-8, UTF-16 or UTF-32; the message says where,
            and what to do, but quotes nothing of the content.
    """
    encoding = encoding_of(data)
    if encoding is None:
        raise ValueError("it has NUL bytes, as binary files have. Save it as text in UTF-8")
    try:
        return data.decode(encoding, errors)
    except UnicodeDecodeError as error:
        line = 1 + len(_LINE_END.findall(data[: error.start].decode("latin-1")))
        kind = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
        raise ValueError(
            f"line {line} is not text in {kind} (byte 0x{data[error.start]:02x}). "
            "Save the file as UTF-8"
        ) from error


def encoding_of(start: bytes) -> str | None:
    """The name of the codec for a file with this start; None where it is not a text.

    UTF-16 without a byte order mark is recognized by its zero bytes. Bytes in no known encoding
    count as UTF-8.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if b"\0" not in start:
        return "utf-8"
    return next((name for name in ("utf-16-le", "utf-16-be") if _is_utf16(start, name)), None)


def open_text(path: Path, errors: Errors = "strict") -> IO[str]:
    """A file as a text stream, for files that may be too large to be read at once.

    Line ends stay as they are. Reading raises UnicodeDecodeError, a ValueError, at a byte that
    is not text.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a text.
    """
    stream = path.open("rb")
    try:
        encoding = encoding_of(stream.peek(BLOCK)[:BLOCK])
        if encoding is None:
            raise ValueError("it has NUL bytes, as binary files have. Save it as text in UTF-8")
        return io.TextIOWrapper(stream, encoding, errors, newline="")
    except BaseException:
        stream.close()
        raise


def read_lines(path: Path) -> list[str]:
    """The lines of a text file; see ``split_lines``.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a text.
    """
    return split_lines(read_text(path))


def split_lines(text: str) -> list[str]:
    r"""The lines without their ends and without spaces around them; none for an empty text.

    Only ``\n``, ``\r\n`` and ``\r`` end a line, which ``str.splitlines`` sees in more characters.
    """
    lines = [line.replace("\ufeff", "").strip() for line in _LINE_END.split(text)]
    return lines[:-1] if lines[-1] == "" else lines


def read_json(path: Path) -> Any:
    """The document in a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a text, or not JSON.
    """
    return json.loads(read_text(path))


def table_rows(stream: IO[str], columns: Sequence[str] = ()) -> Iterator[list[str]]:
    """The rows of a table whose fields are separated by commas, semicolons or tabs.

    Args:
        stream: the text of the table, with line ends as they are.
        columns: names of which the header has one, normalized; a delimiter by which the header
            has such a column is taken before any other.

    Yields:
        Each row that is not empty, the header too, with the fields as they are.

    Raises:
        ValueError: a row is not one of such a table; the message names the line.
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
    """A header's name as it is compared: ``File Name``, ``file_name `` and ``filename`` are one."""
    return re.sub(r"[\s_\"'-]", "", nfc(text)).casefold()


def nfc(text: str) -> str:
    """The text in Unicode's form NFC: macOS and Linux write an ``ä`` in a name differently."""
    return unicodedata.normalize("NFC", text)


def _delimiter(start: Sequence[str], columns: Sequence[str]) -> str:
    lines = [line for line in start if line.strip()]
    if not lines:
        return ","
    header = lines[0]
    with contextlib.suppress(csv.Error):  # what is wrong is told when the rows are read
        for each in _DELIMITERS:
            names = map(column_name, next(csv.reader([header], delimiter=each), []))
            if not set(columns).isdisjoint(names):
                return each
        return max(_DELIMITERS, key=lambda each: _common_width(lines, each))
    return ","


def _common_width(lines: Sequence[str], delimiter: str) -> int:
    """The number of fields that every line has by a delimiter; 0 where it differs."""
    widths = {len(row) for row in csv.reader(lines, delimiter=delimiter)}
    return widths.pop() if len(widths) == 1 else 0


def _is_utf16(data: bytes, encoding: str) -> bool:
    """Whether bytes with zeros are UTF-16 without a byte order mark, and not a NUL-separated list.

    In a text, zeros are the high bytes of characters below U+0100, so that all of them are at
    even or all at odd places, and none is a character of its own.
    """
    units = len(data) // 2
    high, low = (data[1::2], data[::2]) if encoding.endswith("le") else (data[::2], data[1::2])
    if len(data) % 2 or units < _FEWEST_UNITS or b"\0" in low:
        return False
    share = high.count(0) / units
    try:  # not final: the start of a file may end within a character
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    # A NUL-separated list of names of one byte each looks the same, but for these.
    if share >= _MOSTLY_LATIN:
        return not set(text).isdisjoint("\r\n./\\")
    return share >= _SOME_LATIN and "\n" in text
