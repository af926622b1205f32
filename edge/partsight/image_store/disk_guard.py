"""Whether pictures can be kept at this moment, as the store's thread last found it.

Enters: the room on the disk, and what became of the last write. Leaves: an obstacle, which the
loop reads without waiting for the disk, and the state ``pictures``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from partsight.telemetry.telemetry import Telemetry

__all__ = ["DiskGuard", "Obstacle"]

# After a failure so long no picture is promised; then one is tried.
_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no picture can be kept: a cause to count by, and words for the verdict's reason."""

    cause: str
    told: str


class DiskGuard:
    """Remembers how the disk is. One thread writes, any may read ``obstacle``.

    Args:
        folder: of the pictures.
        min_free_bytes: below this pictures stop.
        resume_bytes: from this on they go on; above the other, so that they do not flap.
        telemetry: is told the state and the room.
        free_bytes: tells the room on the disk of a folder.
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
        """What stands in the way; None where a picture may be promised. Never waits."""
        if self._failure is not None and self._monotonic() < self._retry_at:
            return self._failure
        return self._short

    def look(self) -> int | None:
        """Ask the disk how much room there is, and say the state.

        Returns:
            Bytes; None where the disk does not tell.
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
        """Remember that a picture could not be written: for want of room, or for another cause."""
        self._failure = Obstacle(cause, reason)
        self._retry_at = self._monotonic() + _RETRY_S
        self._say()

    def succeeded(self) -> None:
        """Remember that a picture was written."""
        if self._failure is not None or not self._kept:
            self._failure, self._kept = None, True
            self._say()

    def _shortage(self, free: int) -> Obstacle | None:
        needed = self._min_free_bytes
        if free >= needed and self._short:
            needed = self._resume_bytes
        if free >= needed:
            return None
        told = f"{_megabytes(free)} free, at least {_megabytes(needed)} are left to the journal"
        return Obstacle("disk full", told)

    def _say(self) -> None:
        trouble = self._failure or self._short
        if trouble is not None:
            self._telemetry.state("pictures", trouble.cause, trouble.told)
        elif self._kept:
            self._telemetry.state("pictures", "keeping", str(self._folder))
        else:
            self._telemetry.state("pictures", "idle", f"none was kept yet in {self._folder}")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
