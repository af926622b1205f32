"""SIGTERM and SIGINT stop the loop, SIGHUP reloads its configuration.

The handlers only set flags that the loop checks at each turn, so the current part is finished.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

__all__ = ["LineSignals"]


class LineSignals:
    """Requests by signals while the block is open. For the main thread.

    A second SIGINT has its previous effect, so that a hanging line can be interrupted.

    Attributes:
        stop: whether the line must stop after the current part.
    """

    def __init__(self) -> None:
        # Plain flags: a handler that sets a threading.Event could deadlock with the thread that
        # it interrupted.
        self.stop = False
        self._reload = False
        self._before: dict[int, Any] = {}

    def take_reload(self) -> bool:
        """Return whether a reload was requested since the last call."""
        requested, self._reload = self._reload, False
        return requested

    def __enter__(self) -> LineSignals:
        """Install the handlers.

        Raises:
            ValueError: this is not the main thread.
        """
        handlers = {"SIGTERM": self._on_stop, "SIGINT": self._on_stop, "SIGHUP": self._on_reload}
        for name, handler in handlers.items():
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None:
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *error: object) -> None:
        for number in tuple(self._before):
            self._restore(number)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop = True
        if number == signal.SIGINT:
            self._restore(number)

    def _on_reload(self, number: int, frame: FrameType | None) -> None:
        self._reload = True

    def _restore(self, number: int) -> None:
        before = self._before.pop(number, None)
        # None stands for a handler that was not set from Python, which cannot be restored.
        signal.signal(number, signal.SIG_DFL if before is None else before)
