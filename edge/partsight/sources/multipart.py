"""Splits a multipart HTTP response (RFC 2046) of a camera, tolerating common deviations."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any

from partsight.image.jpeg import JPEG_START, jpeg_end

__all__ = ["parts"]

# Larger than the images of any camera; longer data are no stream of images.
_MOST_BYTES = 64 << 20
_LENGTH = re.compile(rb"content-length\s*:\s*(\d{1,8})\s*$", re.IGNORECASE)
_LINE_END = b"\r\n"
_AROUND_NAME = b"- \t\r\n"
# Shortest boundary without dashes that is searched in data; shorter ones may be there by chance.
_TELLING_NAME = 6


def parts(answer: Any, boundary: str) -> Iterator[bytes]:
    """Yield the parts of a multipart response, until it ends or breaks.

    Cameras deviate from the standard: the boundary may lack its dashes or the line end before it,
    or differ from the announced one; the length may be missing, zero, too small or too large. A
    part is cut at its length if that gives a complete JPEG, and at the boundary otherwise.

    Args:
        answer: with ``read`` and ``readline`` of ``http.client.HTTPResponse``.
        boundary: from the response's content type.
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
    """Like ``jpeg_end``, with line ends allowed before the JPEG."""
    bare = data.lstrip(_LINE_END)
    end = jpeg_end(bare)
    return None if end is None else end + len(data) - len(bare)


class _PartStream:
    """A multipart response with the option to push bytes back.

    Attributes:
        ended: whether the response ended within a part.
    """

    def __init__(self, answer: Any, boundary: str) -> None:
        self._answer, self._rest = answer, b""
        self._name = boundary.strip('"').strip("-").encode("latin-1", "replace")
        self.ended = False
        self._confirmed = False  # whether the stream has used this boundary

    def push(self, data: bytes) -> None:
        """Push bytes back, to be read again."""
        self._rest = data + self._rest

    def read_part(self, size: int) -> bytes:
        """Read ``size`` bytes, or fewer up to the boundary or the end of the response."""
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
        """Read a part's head up to its data; return its Content-Length, 0 without one.

        Args:
            begun: whether the boundary before it was read already.
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
            found = _LENGTH.match(line)
            if begun and found:
                length = int(found[1])

    def up_to_boundary(self) -> bytes:
        """Read a part's data and the boundary after it."""
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
            self._name, self._confirmed = bare, True  # differs from the announced one
        else:
            return False
        return True

    def _line(self) -> bytes:
        """Return the next line with its end.

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
