"""Motion JPEG over HTTP, as cameras with a web server send it, with the methods of a capture.

FFmpeg could read it too, but completes a picture that arrives damaged with what was there before,
and says nothing: half a part would be judged by the part before. Here it is no picture. Used by
``capture_process`` for ``http://`` addresses; a stream of another kind is left to FFmpeg.
"""

from __future__ import annotations

import http.client
import re
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from partsight.errors import SourceError
from partsight.opencv import cv2

__all__ = ["MjpegCapture", "open_mjpeg"]

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
    return MjpegCapture(answer, boundary)


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
    """The stream, with those methods of ``cv2.VideoCapture`` that are needed."""

    def __init__(self, answer: Any, boundary: str) -> None:
        self._answer = answer
        # Some cameras count the dashes in, and some do not.
        self._boundary = b"--" + boundary.strip('"').lstrip("-").encode("latin-1", "replace")
        self._data = b""
        self._begun = False

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
        """Read the next part; False where the stream has ended."""
        try:
            self._data = self._part()
        except (OSError, http.client.HTTPException, EOFError):
            return False
        return True

    def retrieve(self, into: NDArray[np.uint8] | None = None) -> tuple[bool, Any]:
        """Decode it; False where it is no whole picture."""
        data = self._data.rstrip(_PADDING)
        if not (data.startswith(_START) and data.endswith(_END)):
            return False, None
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        return image is not None, image

    def _part(self) -> bytes:
        length = self._length()
        if length is None:
            return self._up_to_boundary()
        data: bytes = self._answer.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def _length(self) -> int | None:
        """Read a part's head; return the length that it tells, if it does."""
        length, begun, self._begun = None, self._begun, False
        while True:
            line = self._line()
            if line.startswith(b"--"):
                begun = True
            elif begun and not line.strip():
                return length
            told = _LENGTH.match(line)
            if begun and told:
                length = int(told[1])

    def _up_to_boundary(self) -> bytes:
        lines: list[bytes] = []
        size = 0
        while size < _MOST_BYTES:
            line = self._line()
            if line.rstrip(b"\r\n").lstrip(b"-") == self._boundary.lstrip(b"-"):
                self._begun = True
                return b"".join(lines)
            lines.append(line)
            size += len(line)
        raise EOFError

    def _line(self) -> bytes:
        line: bytes = self._answer.readline(_MOST_BYTES)
        if not line:
            raise EOFError
        return line
