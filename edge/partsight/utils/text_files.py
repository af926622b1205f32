"""Text files from people and other programs: label files, lists, tables, TOML, JSON, keys.

Every reader of such a file uses this module, so that all of them accept the same files: UTF-8 with
or without a byte order mark, UTF-16 and UTF-32 as Windows tools write them, and any line ends.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import unicodedata
from pathlib import Path
from typing import IO, Any, Literal

from partsight.utils.bounded_file import read_bounded
from partsight.utils.limits import MAX_LIST_BYTES

__all__ = [
    "BLOCK",
    "decode_text",
    "encoding_of",
    "nfc",
    "open_text",
    "read_json",
    "read_lines",
    "read_text",
    "split_lines",
]

# Handling of bytes that are not valid in the file's encoding; paths keep them.
Errors = Literal["strict", "surrogateescape"]

# Bytes at the start of a file from which its encoding is recognized. Even, because of UTF-16.
BLOCK = 1 << 16
# The order matters: the mark of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Share of 16-bit units of a text with a zero byte: high in a text of Latin letters, lower (line
# ends, dots, slashes) in a list of paths in another script.
_MOSTLY_LATIN, _SOME_LATIN = 0.7, 0.2
_FEWEST_UNITS = 4
_LINE_END = re.compile("\r\n|\n|\r")


def read_text(path: Path, errors: Errors = "strict") -> str:
    """The text of a file, without a byte order mark.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a text, and the message names the line; or it is too large.
    """
    return decode_text(read_bounded(path, MAX_LIST_BYTES), errors)


def decode_text(data: bytes, errors: Errors = "strict") -> str:
    """Decode bytes to text, without a byte order mark and with unchanged line ends.

    Raises:
        ValueError: the bytes are not a text in UTF-8, UTF-16 or UTF-32; the message names the
            line and the next step, but quotes nothing of the content.
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
    """The codec name for a file that starts with these bytes; None if it is not a text.

    UTF-16 without a byte order mark is recognized by its zero bytes. Bytes in an unknown encoding
    count as UTF-8.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if b"\0" not in start:
        return "utf-8"
    return next((name for name in ("utf-16-le", "utf-16-be") if _is_utf16(start, name)), None)


def open_text(path: Path, errors: Errors = "strict") -> IO[str]:
    """Open a file as a text stream, for files that may be too large to read at once.

    Line ends are unchanged. Reading raises UnicodeDecodeError, a ValueError, at a byte that is not
    text.

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
    r"""The lines of a text, stripped; none for an empty text.

    Only ``\n``, ``\r\n`` and ``\r`` end a line; ``str.splitlines`` splits at more characters.
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


def nfc(text: str) -> str:
    """The text in Unicode form NFC: macOS and Linux write an ``ä`` in a file name differently."""
    return unicodedata.normalize("NFC", text)


def _is_utf16(data: bytes, encoding: str) -> bool:
    """Whether bytes with zeros are UTF-16 without a byte order mark, not a NUL-separated list.

    In a UTF-16 text, zeros are the high bytes of characters below U+0100: all of them are at even
    or all at odd positions, and none is a character of its own.
    """
    units = len(data) // 2
    high, low = (data[1::2], data[::2]) if encoding.endswith("le") else (data[::2], data[1::2])
    if len(data) % 2 or units < _FEWEST_UNITS or b"\0" in low:
        return False
    share = high.count(0) / units
    try:  # incremental: the start of a file may end within a character
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    # A NUL-separated list of one-byte names looks the same, but has none of these characters.
    if share >= _MOSTLY_LATIN:
        return not set(text).isdisjoint("\r\n./\\")
    return share >= _SOME_LATIN and "\n" in text
