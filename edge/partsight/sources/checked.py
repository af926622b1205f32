"""Checks the image quality of frames of files and folders.

A frame that is dark, bright, blurred or frozen is replaced by a fault with the reason, and the
state ``source`` shows it. ``live`` checks its frames with the same ``QualityCheck``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from partsight.records import Fault, Frame
from partsight.sources.frames import Frames
from partsight.sources.image_quality import QualityCheck
from partsight.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from partsight.config.source import ConditionsConfig

__all__ = ["CheckedFrames", "FrameCheck"]


class FrameCheck:
    """Replaces a frame that is not fit for inspection by a fault. Called with each frame in order.

    Args:
        limits: the thresholds.
        telemetry: gets the state ``source``.
        seconds: gives the time of a frame, in seconds of any clock, to detect ``frozen``; None if
            identical frames in succession are normal.
    """

    def __init__(
        self,
        limits: ConditionsConfig,
        telemetry: Telemetry,
        seconds: Callable[[Frame], float] | None = None,
    ) -> None:
        # No hysteresis: each file is another part, and its verdict must not depend on others.
        self._check = QualityCheck(limits, frozen=seconds is not None, hysteresis=False)
        self._telemetry, self._seconds = telemetry, seconds or (lambda frame: 0.0)

    def __call__(self, event: Frame | Fault) -> Frame | Fault:
        """Return the frame, or a fault instead; a fault is returned unchanged."""
        if isinstance(event, Fault):
            return event
        found = self._check(event.image_bgr, self._seconds(event))
        if found is None:
            self._telemetry.state("source", "running")
            return event
        self._telemetry.state("source", found.name, found.reason)
        return Fault(found.reason, event.captured_at, event.source, event.index)


class CheckedFrames:
    """``Frames`` that are checked when they are requested. Entering it enters ``frames``.

    Args:
        frames: the frames to check; gives each frame once.
        check: the check of one frame.
    """

    def __init__(self, frames: AbstractContextManager[Frames], check: FrameCheck) -> None:
        self._opening, self._check = frames, check
        self._held = ExitStack()

    def __enter__(self) -> CheckedFrames:
        self._frames = self._held.enter_context(self._opening)
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """See ``Frames``."""
        event = self._frames.after(monotonic_s, timeout_s)
        return None if event is None else self._check(event)
