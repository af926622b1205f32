"""Interface between triggers and sources: the next frame after a given time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from partsight.records import Fault, Frame

__all__ = ["Frames", "NoMoreFrames", "SequentialFrames"]


class NoMoreFrames(Exception):  # noqa: N818 - like StopIteration, it is no error
    """The source has ended."""


class Frames(Protocol):
    """Frames of a source. A frame that is not requested in time may be dropped."""

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """Return the first frame that arrived after a given time.

        Args:
            monotonic_s: seconds of ``time.monotonic``.
            timeout_s: longest wait in seconds.

        Returns:
            The frame; a fault if the frame is not fit for inspection, such as a dark one, or if
            the camera is disconnected; None if no frame came in time.

        Raises:
            NoMoreFrames: the source has ended.
            SourceError: the source has failed.
        """


class SequentialFrames:
    """Every frame of a source that is read on request, such as a file; none is dropped."""

    def __init__(self, source: Iterable[Frame | Fault]) -> None:
        self._events: Iterator[Frame | Fault] = iter(source)

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """Return the next frame. It is read now, so it arrives after any time in the past."""
        try:
            return next(self._events)
        except StopIteration:
            raise NoMoreFrames from None
