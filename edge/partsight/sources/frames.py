"""What a trigger asks of the source that it looks at: the next frame after a moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from partsight.records import Fault, Frame

__all__ = ["Frames", "NoMoreFrames", "SequentialFrames"]


class NoMoreFrames(Exception):  # noqa: N818 - like StopIteration, it is no error
    """The source has ended."""


class Frames(Protocol):
    """Frames, newest first come: what was not asked for in time is gone."""

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """The first frame that arrived later than a moment.

        Args:
            monotonic_s: seconds of ``time.monotonic``.
            timeout_s: how long to wait for it at most.

        Returns:
            The frame; a fault where one came that must not be judged, such as a dark one, or
            where the camera is known to be gone; None where none came in time.

        Raises:
            NoMoreFrames: none will come.
            SourceError: none will come, and that is wrong.
        """


class SequentialFrames:
    """Every frame of a source that waits to be asked, such as a file: none is dropped."""

    def __init__(self, source: Iterable[Frame | Fault]) -> None:
        self._events: Iterator[Frame | Fault] = iter(source)

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """The next one: it is read now, and so arrives after any moment that has been."""
        try:
            return next(self._events)
        except StopIteration:
            raise NoMoreFrames from None
