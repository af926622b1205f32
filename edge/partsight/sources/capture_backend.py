"""What ``sources.live`` asks of whatever takes pictures for it, and a scripted one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CaptureBackend", "ScriptedGrabber", "CapturedImage"]


@dataclass(frozen=True, slots=True, eq=False)
class CapturedImage:
    """One picture of a camera or stream.

    Attributes:
        image_bgr: uint8 (H, W, 3) BGR.
        monotonic_s: when it arrived, seconds of ``time.monotonic``.
        skipped: frames that came before it and were passed over, since nobody took them.
    """

    image_bgr: NDArray[np.uint8]
    monotonic_s: float
    skipped: int = 0


class CaptureBackend(Protocol):
    """Holds a camera or stream that is open."""

    def read(self, timeout_s: float) -> CapturedImage | None:
        """The next picture, or None where none came in time. Never takes much longer than that.

        Raises:
            SourceError: no more will come.
        """


class ScriptedGrabber(nullcontext["ScriptedGrabber"]):
    """Plays what a test or a demonstration wrote: pictures, silence (None), and errors."""

    def __init__(self, script: Iterable[CapturedImage | None | Exception]) -> None:
        super().__init__(self)
        self._script = iter(script)

    def read(self, timeout_s: float) -> CapturedImage | None:
        """What stands next; silence after the end of the script."""
        event = next(self._script, None)
        if isinstance(event, Exception):
            raise event
        return event
