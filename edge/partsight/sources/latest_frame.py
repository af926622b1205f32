"""One slot between the thread that captures and the one that inspects: the newest frame."""

from __future__ import annotations

import threading

from partsight.errors import SourceError
from partsight.records import Fault, Frame

__all__ = ["LatestFrame"]


class LatestFrame:
    """Keeps the newest frame, and one announcement that there are none. Safe for threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._event: Frame | Fault | None = None
        self._arrived_s = float("-inf")
        self._used = True
        self._announced: Fault | None = None
        self._closed = False

    def put(self, event: Frame | Fault, monotonic_s: float) -> bool:
        """Replace what is there by what arrived at a moment; an announcement is withdrawn.

        Returns:
            Whether what was there had not been used.
        """
        with self._changed:
            lost = not self._used
            self._event, self._arrived_s, self._used = event, monotonic_s, False
            self._announced = None
            self._changed.notify_all()
            return lost

    def announce(self, fault: Fault) -> None:
        """Have one caller told, the one that waits or the next, that no frame will come."""
        with self._changed:
            self._announced = fault
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing will come any more, and nobody expected that: whoever asks gets an error."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def after(self, monotonic_s: float, timeout_s: float) -> Frame | Fault | None:
        """What arrived after a moment, waiting for it no longer than ``timeout_s``.

        A frame may be asked for again, a fault is given once.

        Raises:
            SourceError: the mailbox is closed and empty.
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
                    "the capture of frames has ended by itself, which is a defect of partsight: "
                    "the log says why. Start 'partsight watch' again."
                )
            return announced

    def _ready(self, monotonic_s: float) -> bool:
        fresh = self._event is not None and self._arrived_s > monotonic_s
        return fresh or self._announced is not None or self._closed
