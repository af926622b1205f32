"""Cameras, streams and video files, read with OpenCV."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from partsight.errors import SourceError
from partsight.records import Fault, Frame
from partsight.utils.counts import counted
from partsight.utils.native_output import suppressed_stderr
from partsight.utils.opencv import cv2
from partsight.utils.redaction import redact_address
from partsight.utils.wall_clock import utc_now

__all__ = ["CaptureSource", "usual_fps"]

logger = logging.getLogger(__name__)

# For a file that does not state its frame rate.
_USUAL_FPS = 25.0


class CaptureSource(AbstractContextManager["CaptureSource"]):
    """Frames of a camera, stream or video file.

    Args:
        address: a camera's number, a device, an address or a file.
        live: whether the end is a failure (camera) or normal (file).
        open_capture: opens an object with the methods of ``cv2.VideoCapture``.
        now: wall-clock time, for the time of frames.

    Raises:
        SourceError: the source cannot be opened.
    """

    def __init__(
        self,
        address: int | str,
        *,
        live: bool,
        open_capture: Callable[[Any], Any] = cv2.VideoCapture,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._live, self._now = live, now
        self._name = redact_address(str(address))
        # FFmpeg prints its own errors; they are replaced by the one line raised below.
        with suppressed_stderr():
            self._capture = open_capture(address)
        if not self._capture.isOpened():
            self._capture.release()
            kind = "the camera or stream" if live else "the video"
            raise SourceError(
                f"cannot open {kind} {self._name}: OpenCV received no frames from it. Check that "
                "it is connected, readable by this user, not in use, and in a format FFmpeg reads."
            )

    def __exit__(self, *error: object) -> None:
        self._capture.release()

    @property
    def fps(self) -> float:
        """Frames per second stated by a file; 0 or less if it states none."""
        return float(self._capture.get(cv2.CAP_PROP_FPS))

    def __iter__(self) -> Iterator[Frame | Fault]:
        """Yield frames until the source ends.

        Raises:
            SourceError: a live source ends, or a file has no frame.
        """
        index = 0
        while True:
            received, image = self._capture.read()
            if not received or image is None:
                break
            yield Frame(image, self._now(), self._name, index)
            index += 1
        if self._live or index == 0:
            raise SourceError(
                f"{self._name}: ended after {counted(index, 'frame')}. Check the cable and "
                "the power of a camera, the network of a stream, the content of a file."
            )
        announced = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if announced > index:
            logger.warning(
                "%s ends after %d of the %d frames that its header announces: the file may be cut "
                "off",
                self._name,
                index,
                announced,
            )


def usual_fps(fps: float) -> float:
    """Return the stated frames per second, or 25 if that is not a positive number."""
    return fps if fps > 0 and math.isfinite(fps) else _USUAL_FPS
