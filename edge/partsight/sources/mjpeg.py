"""Motion JPEG over HTTP, as cameras with a web server send it, with the methods of a capture.

FFmpeg could read it too, but completes a picture that arrives damaged with what was there before,
and says nothing: half a part would be judged by the part before. Here it is no picture. Nor does
a picture wait here for the one before to be decoded. Opened by ``http_stream``.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.opencv import cv2
from partsight.picture.jpeg import JPEG_START, jpeg_end

__all__ = ["MjpegCapture", "parts", "whole_picture"]

# No camera sends larger pictures; what goes on for longer is no stream of pictures.
_MOST_BYTES = 64 << 20
_LENGTH = re.compile(rb"content-length\s*:\s*(\d{1,8})\s*$", re.IGNORECASE)
_LINE_END = b"\r\n"
_AROUND_NAME = b"- \t\r\n"
# A boundary without its dashes is looked for in data where it is this long, not there by chance.
_TELLING_NAME = 6


class MjpegCapture:
    """The newest part, with those methods of ``cv2.VideoCapture`` that are needed.

    A thread reads on while a picture is decoded: what waits in the network's buffers grows old.

    Attributes:
        arrived_s: when the part that was grabbed had come, seconds of ``time.monotonic``.
        passed: parts that it replaced, as nobody had grabbed them.
        doubt: what the user should know of the connection, or nothing.
    """

    def __init__(self, stream: Iterator[bytes]) -> None:
        self.arrived_s, self.passed, self.doubt = 0.0, 0, ""
        self._data = b""
        self._changed = threading.Condition()
        # Part, time of arrival, and how many were there before it in vain.
        self._waiting: tuple[bytes, float, int] | None = None
        self._ended = False
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def isOpened(self) -> bool:  # noqa: N802
        """As of OpenCV."""
        return True

    def set(self, prop: int, value: float) -> bool:
        """As of OpenCV: it has no settings."""
        return False

    def get(self, prop: int) -> float:
        """As of OpenCV: it has no settings."""
        return 0.0

    def grab(self) -> bool:
        """Wait for a part and take it; False where the stream has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._ended)
            if self._waiting is None:
                return False
            (self._data, self.arrived_s, self.passed), self._waiting = self._waiting, None
            return True

    def retrieve(self, into: NDArray[np.uint8] | None = None) -> tuple[bool, Any]:
        """Decode it; False where it is no whole picture."""
        image = whole_picture(self._data)
        return image is not None, image

    def _read(self, stream: Iterator[bytes]) -> None:
        try:
            for data in stream:
                with self._changed:
                    passed = 0 if self._waiting is None else self._waiting[2] + 1
                    self._waiting = data, time.monotonic(), passed
                    self._changed.notify()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()


def whole_picture(data: bytes) -> NDArray[np.uint8] | None:
    """Decode a JPEG, uint8 (H, W, 3) BGR; None where it is cut off, empty or something else.

    What cameras write around it (line ends, NUL bytes, metadata, a second picture) is cut off at
    its start and end markers.
    """
    data = data.lstrip(_LINE_END)
    end = jpeg_end(data)
    if end is None:
        return None
    image: Any = cv2.imdecode(np.frombuffer(data, np.uint8, end), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)


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
