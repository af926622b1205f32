"""Frames of video files as inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from partsight.errors import SourceError
from partsight.inputs.base import Input, InputImage, Unreadable
from partsight.records import Frame
from partsight.sources.video import CaptureSource

__all__ = ["frames_of_video"]


def frames_of_video(path: Path, every: int) -> Iterator[Input]:
    """Every ``every``-th frame of a video file, starting with the first."""
    try:
        with CaptureSource(str(path), live=False) as source:
            for frame in source:
                if isinstance(frame, Frame) and frame.index % every == 0:
                    yield InputImage(f"{path}#{frame.index}", frame.image_bgr)
    except SourceError as error:
        yield Unreadable(str(path), str(error))
