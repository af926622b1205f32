"""A short video of rendered sample parts, in place of a camera over a line."""

from __future__ import annotations

from pathlib import Path

from partsight.errors import OutputError
from partsight.sample_data import LABELS, render_part
from partsight.utils.files import atomic_path
from partsight.utils.opencv import cv2

__all__ = ["write_sample_video"]

_FRAMES_PER_SECOND = 2.0


def write_sample_video(destination: Path, parts: int, seed: int) -> None:
    """Write a Motion JPEG video with one frame per part; the labels alternate.

    Args:
        destination: file with the ending .avi.
        parts: number of parts and frames.
        seed: seed of the rendering; it must differ from the training set's for unseen parts.

    Raises:
        OutputError: the video cannot be written.
    """
    frames = [render_part(LABELS[i % len(LABELS)], i, seed) for i in range(parts)]
    height, width = frames[0].shape[:2]
    with atomic_path(destination) as temporary:
        # OpenCV chooses the container by the file ending, which the temporary name lacks.
        video = temporary.with_suffix(".avi")
        writer = cv2.VideoWriter(
            str(video), cv2.VideoWriter.fourcc(*"MJPG"), _FRAMES_PER_SECOND, (width, height)
        )
        if not writer.isOpened():
            raise OutputError(f"OpenCV cannot write a Motion JPEG video to {destination}")
        for frame in frames:
            writer.write(frame)
        writer.release()
        video.rename(temporary)
