"""Motion JPEG over HTTP, as cameras with a web server send it, with the methods of a capture.

FFmpeg could read it too, but completes a picture that arrives damaged with what was there before,
and says nothing: half a part would be judged by the part before. Here it is no picture. Nor does
a picture wait here for the one before to be decoded. Opened by ``http_stream``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.image.jpeg import jpeg_end
from partsight.utils.opencv import cv2

__all__ = ["MjpegCapture", "whole_image"]

_LINE_END = b"\r\n"


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
        image = whole_image(self._data)
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


def whole_image(data: bytes) -> NDArray[np.uint8] | None:
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
