"""The one import of OpenCV, so that a machine without its system libraries gets one line.

Everything that needs OpenCV says ``from partsight.opencv import cv2``.
"""

from __future__ import annotations

import os

from partsight.errors import EnvironmentFault

__all__ = ["cv2"]

# The errors of OpenCV and FFmpeg arrive as partsight's own; their chatter on stderr
# would only stand beside them. Read by both libraries when they first open something.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

try:
    import cv2
except ImportError as error:
    raise EnvironmentFault(
        f"OpenCV cannot be loaded: {error}. On Debian and Ubuntu install what it needs with "
        "'apt-get install libgl1 libglib2.0-0', or take the build that needs neither: "
        "'pip uninstall -y opencv-python && pip install \"opencv-python-headless<4.12\"'."
    ) from error
