"""The only import of OpenCV, so that missing system libraries give an error of one line.

Every module that needs OpenCV uses ``from partsight.utils.opencv import cv2``.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from partsight.utils.imports import import_fault

__all__ = ["cv2", "one_thread"]

# Errors of OpenCV and FFmpeg are raised as partsight errors, so that their output on stderr would
# only repeat them. Both libraries read these variables when they first open something.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_LIBRARY_ADVICE = (
    "On Debian and Ubuntu install what it needs with 'apt-get install libgl1 libglib2.0-0', or "
    "take the build that needs neither: 'pip uninstall -y opencv-python && pip install "
    '"opencv-python-headless<4.12"\'.'
)

try:
    import cv2
except ImportError as error:
    raise import_fault(
        "image processing", "opencv-python", "opencv-python<4.12", error, _LIBRARY_ADVICE
    ) from error

_lock = threading.Lock()
_inside = 0
_threads = 0


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Make OpenCV work on the calling thread only.

    For code that processes many images in its own threads, which OpenCV's threads would slow
    down. The setting is global and is restored when the last such block ends.
    """
    global _inside, _threads
    with _lock:
        if not _inside:
            _threads = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                cv2.setNumThreads(_threads)
