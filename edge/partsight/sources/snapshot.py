"""A camera that gives one image per request.

It is polled continuously, so that triggers, quality checks and timeouts work as with a stream.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ImageError, SourceError
from partsight.image.depth import Samples, is_settled, peak_of
from partsight.image.jpeg import JPEG_START
from partsight.image.limits import refuse_bomb
from partsight.sources.mjpeg import decoded_jpeg
from partsight.utils.opencv import cv2

__all__ = ["USUAL_FPS", "SnapshotCapture", "begins_as_image"]

# Requests per second without fps in [source.camera].
USUAL_FPS = 5.0
# Number of failures in a row that is an error; cameras are busy at times.
_MOST_FAILURES = 3
_PNG_BIT_DEPTH, _PNG_SIZE = 24, slice(16, 24)
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


class SnapshotCapture:
    """Requests images at a rate, with the needed methods of ``cv2.VideoCapture``.

    Args:
        fetch: gives the bytes of one image; raises ``SourceError``.
        first: result of the first request.
        asked_s: time of the first request, seconds of ``clock``.
        warning: a warning about the connection, or empty.
        clock: seconds of ``time.monotonic``.
        sleep: waits a number of seconds.

    Attributes:
        arrived_s: time of the request: the image was captured after it, so a trigger never gets
            an image from before.
        dropped: number of failed requests before it.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        first: bytes,
        asked_s: float,
        *,
        warning: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._fetch, self._clock, self._sleep = fetch, clock, sleep
        self.arrived_s, self.dropped, self.warning = asked_s, 0, warning
        self._fps = USUAL_FPS
        self._next: NDArray[np.uint8] | None = _decoded(first)
        self._image: NDArray[np.uint8] | None = None

    def isOpened(self) -> bool:  # noqa: N802
        """See OpenCV."""
        return True

    def set(self, prop: int, value: float) -> bool:
        """See OpenCV; only the rate of requests can be set."""
        if prop != cv2.CAP_PROP_FPS:
            return False
        self._fps = value
        return True

    def get(self, prop: int) -> float:
        """See OpenCV; the rate, or 0 for anything else."""
        return self._fps if prop == cv2.CAP_PROP_FPS else 0.0

    def grab(self) -> bool:
        """Wait for the next image and take it.

        Raises:
            SourceError: several requests in a row failed, with the last reason.
        """
        self.dropped = 0
        if self._next is not None:
            self._image, self._next = self._next, None
            return True
        while True:
            self._sleep(max(0.0, self.arrived_s + 1 / self._fps - self._clock()))
            self.arrived_s = self._clock()
            try:
                self._image = _decoded(self._fetch())
                return True
            except SourceError as error:
                self.dropped += 1
                if self.dropped >= _MOST_FAILURES:
                    raise SourceError(
                        f"{self.dropped} requests in a row gave no picture: {error}"
                    ) from error

    def retrieve(self, into: NDArray[np.uint8] | None = None) -> tuple[bool, Any]:
        """Return the grabbed image, uint8 (H, W, 3) BGR."""
        return self._image is not None, self._image


def begins_as_image(data: bytes) -> bool:
    """Return whether data begin like a JPEG or PNG."""
    return data.startswith((JPEG_START, _PNG_START))


def _require_small(png: bytes) -> None:
    """Refuse a PNG whose pixels would take too much memory.

    Raises:
        ImageError: it is too large.
    """
    width, height = struct.unpack(">II", png[_PNG_SIZE].ljust(8, b"\0"))
    if width and height:
        refuse_bomb("PNG", (width, height), (0, 0), png)


def _require_full_range(png: bytes) -> None:
    """Refuse a PNG of 16 bits per sample with fewer significant bits: it would be nearly black.

    Raises:
        SourceError: it is such a PNG.
    """
    if png[_PNG_BIT_DEPTH] <= 8:
        return
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16:
        return
    peak = peak_of(np.asarray(image, np.uint16))
    if not is_settled(Samples(peak)):
        raise SourceError(
            f"the camera sends a 16-bit PNG with {peak.bit_length()} significant bits (largest "
            f"sample {peak}): expected 8 bits, or all 16. Set the camera to 8 bits or to JPEG"
        )


def _decoded(data: bytes) -> NDArray[np.uint8]:
    """Decode a complete JPEG or PNG.

    Raises:
        SourceError: the image is incomplete, damaged or of another format.
    """
    if not begins_as_image(data):
        raise SourceError(f"expected a JPEG or PNG, received {len(data)} bytes of something else")
    image: Any = None
    try:
        if data.startswith(JPEG_START):
            image = decoded_jpeg(data)
        else:
            _require_small(data)
            if _PNG_END in data:
                _require_full_range(data)
                image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except ImageError as error:
        raise SourceError(f"the picture is {error}") from error
    if image is None:
        raise SourceError(f"the picture of {len(data)} bytes is cut off or damaged")
    return np.asarray(image, np.uint8)
