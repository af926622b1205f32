"""Motion JPEG over HTTP, as cameras with a web server send it, with the methods of a capture.

FFmpeg could read it too, but completes a picture that arrives damaged with what was there before,
and says nothing: half a part would be judged by the part before. Here it is no picture. Nor does
a picture wait here for the one before to be decoded. Used by ``capture_process`` for ``http://``
addresses; a stream of another kind is left to FFmpeg.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from partsight.errors import SourceError
from partsight.opencv import cv2

__all__ = ["MjpegCapture", "open_mjpeg", "parts", "whole_picture"]

# No camera sends larger pictures; what goes on for longer is no stream of pictures.
_MOST_BYTES = 64 << 20
_START, _END = b"\xff\xd8", b"\xff\xd9"
_LENGTH = re.compile(rb"content-length:\s*(\d{1,8})\s*$", re.IGNORECASE)
# Some cameras fill up with these.
_PADDING = b"\r\n\0"


def open_mjpeg(address: str) -> MjpegCapture | None:
    """Ask a camera for its stream; None where the answer is of another kind.

    Raises:
        SourceError: nobody answers, or with an error.
    """
    try:
        answer = _ask(address)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceError(
            f"it cannot be opened: {error}. Check the address, the password and the network"
        ) from error
    if answer.headers.get_content_type() != "multipart/x-mixed-replace":
        answer.close()
        return None
    boundary = str(answer.headers.get_param("boundary", ""))
    return MjpegCapture(parts(answer, boundary))


def _ask(address: str) -> Any:
    parts = urlsplit(address)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, bare, unquote(parts.username or ""), unquote(parts.password or ""))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),  # a camera stands beside the device
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )
    return opener.open(bare)


class MjpegCapture:
    """The newest part, with those methods of ``cv2.VideoCapture`` that are needed.

    A thread reads on while a picture is decoded: what waits in the network's buffers grows old.

    Attributes:
        arrived_s: when the part that was grabbed had come, seconds of ``time.monotonic``.
        passed: parts that it replaced, as nobody had grabbed them.
    """

    def __init__(self, stream: Iterator[bytes]) -> None:
        self.arrived_s, self.passed = 0.0, 0
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
    """Decode a JPEG, uint8 (H, W, 3) BGR; None where it is cut off, empty or something else."""
    data = data.rstrip(_PADDING)
    if not (data.startswith(_START) and data.endswith(_END)):
        return None
    image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)


def parts(answer: Any, boundary: str) -> Iterator[bytes]:
    """The parts of an answer of many, RFC 2046, until it ends or breaks.

    Args:
        answer: with ``read`` and ``readline`` of ``http.client.HTTPResponse``.
        boundary: as in the answer's content type; the dashes before it are counted in by some
            cameras and not by others.
    """
    name = boundary.strip('"').lstrip("-").encode("latin-1", "replace")
    begun = False
    try:
        while True:
            length = _length(answer, begun)
            data = _up_to_boundary(answer, name) if length is None else answer.read(length)
            begun = length is None
            if length is not None and len(data) < length:
                return
            yield data
    except (OSError, http.client.HTTPException, EOFError):
        return


def _length(answer: Any, begun: bool) -> int | None:
    """Read a part's head, of which the boundary may be read; return the length, if it tells it."""
    length = None
    while True:
        line = _line(answer)
        if line.startswith(b"--"):
            begun = True
        elif begun and not line.strip():
            return length
        told = _LENGTH.match(line)
        if begun and told:
            length = int(told[1])


def _up_to_boundary(answer: Any, name: bytes) -> bytes:
    lines: list[bytes] = []
    size = 0
    while size < _MOST_BYTES:
        line = _line(answer)
        if line.startswith(b"--") and line.strip(b"-\r\n") == name.strip(b"-"):
            return b"".join(lines)
        lines.append(line)
        size += len(line)
    raise EOFError


def _line(answer: Any) -> bytes:
    line: bytes = answer.readline(_MOST_BYTES)
    if not line:
        raise EOFError
    return line
