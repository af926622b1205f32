"""Motion JPEG over HTTP, as sent by cameras with a web server. Opened by ``http_stream``.

FFmpeg could read it too, but it silently completes a damaged image with the previous one, so half
of the previous part would be inspected. Here a damaged image is dropped. An image also does not
wait for the previous one to be decoded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ImageError
from partsight.image.jpeg import jpeg_end, jpeg_size_wh
from partsight.image.limits import refuse_bomb
from partsight.utils.opencv import cv2

__all__ = ["MjpegCapture", "decoded_jpeg", "whole_image"]

_LINE_END = b"\r\n"


class MjpegCapture:
    """The newest image of a stream, with the needed methods of ``cv2.VideoCapture``.

    A thread reads on while an image is decoded, so that images do not age in network buffers.

    Attributes:
        arrived_s: time of arrival of the grabbed image, seconds of ``time.monotonic``.
        dropped: number of images before it that were replaced without being grabbed.
        warning: a warning about the connection, or empty.
    """

    def __init__(self, stream: Iterator[bytes]) -> None:
        self.arrived_s, self.dropped, self.warning = 0.0, 0, ""
        self._data = b""
        self._changed = threading.Condition()
        # Data, time of arrival, and number of dropped images before it.
        self._waiting: tuple[bytes, float, int] | None = None
        self._ended = False
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def isOpened(self) -> bool:  # noqa: N802
        """See OpenCV."""
        return True

    def set(self, prop: int, value: float) -> bool:
        """See OpenCV; there are no settings."""
        return False

    def get(self, prop: int) -> float:
        """See OpenCV; there are no settings."""
        return 0.0

    def grab(self) -> bool:
        """Wait for an image and take it; return False if the stream has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._ended)
            if self._waiting is None:
                return False
            (self._data, self.arrived_s, self.dropped), self._waiting = self._waiting, None
            return True

    def retrieve(self, into: NDArray[np.uint8] | None = None) -> tuple[bool, Any]:
        """Decode the image; return False if it is incomplete or too large."""
        image = whole_image(self._data)
        return image is not None, image

    def _read(self, stream: Iterator[bytes]) -> None:
        try:
            for data in stream:
                with self._changed:
                    dropped = 0 if self._waiting is None else self._waiting[2] + 1
                    self._waiting = data, time.monotonic(), dropped
                    self._changed.notify()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()


def whole_image(data: bytes) -> NDArray[np.uint8] | None:
    """Decode a JPEG like ``decoded_jpeg``; return None also if it is too large."""
    try:
        return decoded_jpeg(data)
    except ImageError:
        return None


def decoded_jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """Decode a JPEG to uint8 (H, W, 3) BGR; return None if it is incomplete or no JPEG.

    Bytes around it (line ends, NUL bytes, metadata, a second image) are cut off at its start and
    end markers.

    Raises:
        ImageError: its pixels would take too much memory.
    """
    data = data.lstrip(_LINE_END)
    end = jpeg_end(data)
    if end is None:
        return None
    refuse_bomb("JPEG", jpeg_size_wh(data), (0, 0), data[:end])
    image: Any = cv2.imdecode(np.frombuffer(data, np.uint8, end), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)
