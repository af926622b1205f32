"""A camera that gives one picture per request, with the methods of a capture.

It is asked over and over, so that triggers, conditions and time-outs work as with a stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import SourceError
from partsight.image.depth import Samples, is_settled, peak_of
from partsight.image.jpeg import JPEG_START
from partsight.sources.mjpeg import whole_picture
from partsight.utils.opencv import cv2

__all__ = ["USUAL_FPS", "SnapshotCapture", "begins_as_picture"]

# Requests per second where [source.camera] fps says nothing.
USUAL_FPS = 5.0
# So many failures in a row are passed over: cameras are busy at times.
_MOST_FAILURES = 3
_PNG_BIT_DEPTH = 24
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


class SnapshotCapture:
    """Asks for a picture at a rate, with those methods of ``cv2.VideoCapture`` that are needed.

    Args:
        fetch: one picture's bytes; raises ``SourceError``.
        first: what the first request gave.
        asked_s: when that was asked for, seconds of ``clock``.
        doubt: what the user should know of the connection, or nothing.
        clock: seconds of ``time.monotonic``.
        sleep: waits so many seconds.

    Attributes:
        arrived_s: when the picture was asked for: it was taken after that moment, and so a trigger
            never gets one from before.
        passed: requests before it that gave none.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        first: bytes,
        asked_s: float,
        *,
        doubt: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._fetch, self._clock, self._sleep = fetch, clock, sleep
        self.arrived_s, self.passed, self.doubt = asked_s, 0, doubt
        self._fps = USUAL_FPS
        self._next: NDArray[np.uint8] | None = _decoded(first)
        self._image: NDArray[np.uint8] | None = None

    def isOpened(self) -> bool:  # noqa: N802
        """As of OpenCV."""
        return True

    def set(self, prop: int, value: float) -> bool:
        """As of OpenCV: the rate is how often to ask; nothing else can be set."""
        if prop != cv2.CAP_PROP_FPS:
            return False
        self._fps = value
        return True

    def get(self, prop: int) -> float:
        """As of OpenCV: the rate; 0 for anything else."""
        return self._fps if prop == cv2.CAP_PROP_FPS else 0.0

    def grab(self) -> bool:
        """Wait for the next picture and take it.

        Raises:
            SourceError: several requests in a row gave none, with the last reason.
        """
        self.passed = 0
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
                self.passed += 1
                if self.passed >= _MOST_FAILURES:
                    raise SourceError(
                        f"{self.passed} requests in a row gave no picture: {error}"
                    ) from error

    def retrieve(self, into: NDArray[np.uint8] | None = None) -> tuple[bool, Any]:
        """The picture that was grabbed, uint8 (H, W, 3) BGR."""
        return self._image is not None, self._image


def begins_as_picture(data: bytes) -> bool:
    """Whether data are those of a JPEG or PNG, as far as its first bytes tell."""
    return data.startswith((JPEG_START, _PNG_START))


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
    """Decode a whole JPEG or PNG.

    Raises:
        SourceError: it is cut off, damaged or something else.
    """
    if not begins_as_picture(data):
        raise SourceError(f"expected a JPEG or PNG, received {len(data)} bytes of something else")
    image: Any = None
    if data.startswith(JPEG_START):
        image = whole_picture(data)
    elif _PNG_END in data:
        _require_full_range(data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"the picture of {len(data)} bytes is cut off or damaged")
    return np.asarray(image, np.uint8)
