"""The one import of OpenCV, so that a machine without its system libraries gets one line.

Everything that needs OpenCV says ``from partsight.utils.opencv import cv2``.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from partsight.utils.imports import import_fault

__all__ = ["cv2", "one_thread"]

# The errors of OpenCV and FFmpeg arrive as partsight's own; their chatter on stderr
# would only stand beside them. Read by both libraries when they first open something.
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
    """Have OpenCV do its work on the thread that asks for it.

    For who works on many pictures in threads of their own: OpenCV's would stand in their way. It
    is said of the whole process, and ends with the last of those that asked for it.
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
