"""The parts of an HTTP response of many (RFC 2046), in all the ways in which cameras write them."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any

from partsight.image.jpeg import JPEG_START, jpeg_end

__all__ = ["parts"]

# No camera sends larger pictures; what goes on for longer is no stream of pictures.
_MOST_BYTES = 64 << 20
_LENGTH = re.compile(rb"content-length\s*:\s*(\d{1,8})\s*$", re.IGNORECASE)
_LINE_END = b"\r\n"
_AROUND_NAME = b"- \t\r\n"
# A boundary without its dashes is looked for in data where it is this long, not there by chance.
_TELLING_NAME = 6


def parts(answer: Any, boundary: str) -> Iterator[bytes]:
    """The parts of an answer of many, RFC 2046, until it ends or breaks.

    Cameras write them in many ways: the boundary with and without its dashes, without the line end
    before it, or another one than announced; a length that is missing, zero, too small or too
    large. A part is taken at its length where that gives a whole JPEG, and at the boundary
    otherwise.

    Args:
        answer: with ``read`` and ``readline`` of ``http.client.HTTPResponse``.
        boundary: as in the answer's content type.
    """
    stream = _PartStream(answer, boundary)
    begun = False
    try:
        while True:
            length = stream.head(begun)
            data = stream.read_part(length)
            end = _end_of_jpeg(data)
            begun = end is None
            if end is not None:
                stream.push(data[end:])
                yield data
            elif stream.ended:
                return
            else:
                stream.push(data)
                yield stream.up_to_boundary()
    except (OSError, http.client.HTTPException, EOFError):
        return


def _end_of_jpeg(data: bytes) -> int | None:
    """As ``jpeg_end``, where line ends may come first."""
    bare = data.lstrip(_LINE_END)
    end = jpeg_end(bare)
    return None if end is None else end + len(data) - len(bare)


class _PartStream:
    """An answer of many parts, into which bytes that belong to what follows can be put back.

    Attributes:
        ended: whether the answer ended within a part.
    """

    def __init__(self, answer: Any, boundary: str) -> None:
        self._answer, self._rest = answer, b""
        self._name = boundary.strip('"').strip("-").encode("latin-1", "replace")
        self.ended = False
        self._confirmed = False  # whether the stream has used that name

    def push(self, data: bytes) -> None:
        """Put back what was read too much."""
        self._rest = data + self._rest

    def read_part(self, size: int) -> bytes:
        """So many bytes, or fewer where the boundary comes before, or the end of the answer."""
        data, self._rest = self._rest[:size], self._rest[size:]
        if len(data) < size:
            data += self._answer.read(size - len(data))
            self.ended = len(data) < size
        mark = b"\n--" + self._name
        place = data.find(mark) if len(mark) > _TELLING_NAME else -1
        if place < 0:
            return data
        self.push(data[place + 1 :])
        return data[: place + 1]

    def head(self, begun: bool) -> int:
        """Read a part's head up to its data; return the length that it tells, 0 for none.

        Args:
            begun: whether the boundary before it was read.
        """
        length = 0
        while True:
            line = self._line()
            if begun and line.startswith(JPEG_START):  # no empty line before the data
                self.push(line)
                return length
            if self._begins_part(line):
                begun = True
            elif begun and not line.strip():
                return length
            told = _LENGTH.match(line)
            if begun and told:
                length = int(told[1])

    def up_to_boundary(self) -> bytes:
        """A part's data; the boundary behind it is read too."""
        lines: list[bytes] = []
        size = 0
        while size < _MOST_BYTES:
            line = self._line()
            bare = line.strip(_AROUND_NAME)
            dashed = line.startswith(b"--") or len(bare) >= _TELLING_NAME
            if self._name and bare == self._name and dashed:
                return b"".join(lines)
            # Some cameras write no line end before it.
            before, found, after = line.rpartition(b"--" + self._name)
            if self._name and found and not after.strip(_AROUND_NAME):
                return b"".join([*lines, before])
            lines.append(line)
            size += len(line)
        raise EOFError

    def _begins_part(self, line: bytes) -> bool:
        bare = line.strip(_AROUND_NAME)
        if self._name and bare == self._name:
            self._confirmed = True
        elif line.startswith(b"--") and bare and not self._confirmed:
            self._name, self._confirmed = bare, True  # another one than announced
        else:
            return False
        return True

    def _line(self) -> bytes:
        """The next line with its end.

        Raises:
            EOFError: there is none.
        """
        place = self._rest.find(b"\n") + 1
        if place:
            line, self._rest = self._rest[:place], self._rest[place:]
        else:
            line, self._rest = self._rest + self._answer.readline(_MOST_BYTES), b""
        if not line:
            raise EOFError
        return line
