"""Interface of the backends that capture images for ``live``, and a scripted one for tests."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CaptureBackend", "ScriptedCapture", "CapturedImage"]


@dataclass(frozen=True, slots=True, eq=False)
class CapturedImage:
    """One image of a camera or stream.

    Attributes:
        image_bgr: uint8 (H, W, 3) BGR.
        monotonic_s: time of arrival, seconds of ``time.monotonic``.
        skipped: number of frames before it that were dropped unread.
    """

    image_bgr: NDArray[np.uint8]
    monotonic_s: float
    skipped: int = 0


class CaptureBackend(Protocol):
    """An open camera or stream."""

    def read(self, timeout_s: float) -> CapturedImage | None:
        """Return the next image, or None if none comes within about ``timeout_s``.

        Raises:
            SourceError: the camera or stream has failed.
        """


class ScriptedCapture(nullcontext["ScriptedCapture"]):
    """Plays a script: images, silence (None), and errors."""

    def __init__(self, script: Iterable[CapturedImage | None | Exception]) -> None:
        super().__init__(self)
        self._script = iter(script)

    def read(self, timeout_s: float) -> CapturedImage | None:
        """Return or raise the next item; None after the end of the script."""
        event = next(self._script, None)
        if isinstance(event, Exception):
            raise event
        return event
