"""Passes the newest frame from the capturing thread to the inspecting one."""

from __future__ import annotations

import threading

from partsight.errors import SourceError
from partsight.records import Fault, Frame

__all__ = ["LatestFrame"]


class LatestFrame:
    """Holds the newest frame, or a fault that announces that none will come. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._event: Frame | Fault | None = None
        self._arrived_s = float("-inf")
        self._used = True
        self._announced: Fault | None = None
        self._closed = False

    def put(self, event: Frame | Fault, monotonic_s: float) -> bool:
        """Replace the frame by a newer one; an announcement is withdrawn.

        Returns:
            Whether the replaced frame was not used.
        """
        with self._changed:
            lost = not self._used
            self._event, self._arrived_s, self._used = event, monotonic_s, False
            self._announced = None
            self._changed.notify_all()
            return lost

    def announce(self, fault: Fault) -> None:
        """Give a fault to one caller of ``after``: that no frame will come."""
        with self._changed:
            self._announced = fault
            self._changed.notify_all()

    def close(self) -> None:
        """Note that capturing has ended unexpectedly: ``after`` raises from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """Return the frame or fault that arrived after a given time; wait up to ``timeout_s``.

        A frame may be returned again, a fault only once.

        Raises:
            SourceError: closed and empty.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready(monotonic_s), max(0.0, timeout_s))
            if self._event is not None and self._arrived_s > monotonic_s:
                event, self._used = self._event, True
                if isinstance(event, Fault):
                    self._event = None
                return event
            announced, self._announced = self._announced, None
            if announced is None and self._closed:
                raise SourceError(
                    "the thread that captures frames ended unexpectedly, which is an error in "
                    "partsight; the log has the cause. Start 'partsight watch' again."
                )
            return announced

    def _ready(self, monotonic_s: float) -> bool:
        fresh = self._event is not None and self._arrived_s > monotonic_s
        return fresh or self._announced is not None or self._closed
