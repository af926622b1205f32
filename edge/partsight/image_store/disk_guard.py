"""Whether images can be saved, from the free space on the disk and the last write.

The store's thread measures; the loop reads the obstacle without waiting for the disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from partsight.telemetry.telemetry import Telemetry

__all__ = ["DiskGuard", "Obstacle"]

# After a failure, time until the next image is tried.
_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no image can be saved: a cause for the counter, and details for the verdict's reason."""

    cause: str
    detail: str


class DiskGuard:
    """State of the disk. Updated by one thread; any thread may call ``obstacle``.

    Args:
        folder: of the images.
        min_free_bytes: free space below which saving stops.
        resume_bytes: free space from which saving goes on; larger, so that it does not flap.
        telemetry: gets the state ``pictures`` and the free space.
        free_bytes: gives the free space on the disk of a folder.
        monotonic: seconds.
    """

    def __init__(
        self,
        folder: Path,
        min_free_bytes: int,
        resume_bytes: int,
        telemetry: Telemetry,
        free_bytes: Callable[[Path], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._min_free_bytes = folder, min_free_bytes
        self._resume_bytes, self._telemetry = resume_bytes, telemetry
        self._free_bytes, self._monotonic = free_bytes, monotonic
        self._short: Obstacle | None = None
        self._failure: Obstacle | None = None
        self._retry_at = 0.0
        self._kept = False

    def obstacle(self) -> Obstacle | None:
        """Return why no image can be saved; None if it can. Does not block."""
        if self._failure is not None and self._monotonic() < self._retry_at:
            return self._failure
        return self._short

    def look(self) -> int | None:
        """Measure the free space and update the state.

        Returns:
            Bytes; None if it cannot be measured.
        """
        try:
            free = self._free_bytes(self._folder)
        except OSError as error:
            self.failed("failing", f"{self._folder}: {error.strerror or error}")
            return None
        self._telemetry.set("disk_free_bytes", free, "pictures")
        self._short = self._shortage(free)
        self._say()
        return free

    def failed(self, cause: str, reason: str) -> None:
        """Note that an image could not be written: the disk is full, or another cause."""
        self._failure = Obstacle(cause, reason)
        self._retry_at = self._monotonic() + _RETRY_S
        self._say()

    def succeeded(self) -> None:
        """Note that an image was written."""
        if self._failure is not None or not self._kept:
            self._failure, self._kept = None, True
            self._say()

    def _shortage(self, free: int) -> Obstacle | None:
        needed = self._min_free_bytes
        if free >= needed and self._short:
            needed = self._resume_bytes
        if free >= needed:
            return None
        detail = (
            f"{_megabytes(free)} free, at least {_megabytes(needed)} must stay free for the journal"
        )
        return Obstacle("disk full", detail)

    def _say(self) -> None:
        trouble = self._failure or self._short
        if trouble is not None:
            self._telemetry.state("pictures", trouble.cause, trouble.detail)
        elif self._kept:
            self._telemetry.state("pictures", "keeping", str(self._folder))
        else:
            self._telemetry.state("pictures", "idle", f"none saved yet in {self._folder}")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
