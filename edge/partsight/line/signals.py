"""SIGTERM and SIGINT ask the loop to stop, SIGHUP to read its configuration again.

The handlers only leave a mark, which the loop looks at in each of its turns, so that the part
at hand is always finished.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

__all__ = ["LineSignals"]


class LineSignals:
    """What signals have asked for, while the block lasts. For the main thread.

    A second SIGINT does what it did before the block, so that whoever sits at a terminal can
    leave a line that hangs.

    Attributes:
        stop: whether the line shall end after the part at hand.
    """

    def __init__(self) -> None:
        # Plain marks: to set a threading.Event from a handler may wait for the very thread
        # that the handler interrupted.
        self.stop = False
        self._reload = False
        self._before: dict[int, Any] = {}

    def take_reload(self) -> bool:
        """Whether a reload was asked for since this was asked last."""
        asked, self._reload = self._reload, False
        return asked

    def __enter__(self) -> LineSignals:
        """Put the handlers in force.

        Raises:
            ValueError: this is not the main thread.
        """
        handlers = {"SIGTERM": self._on_stop, "SIGINT": self._on_stop, "SIGHUP": self._on_reload}
        for name, handler in handlers.items():
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None:
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        # None stands for a handler that no Python code had set, which cannot be brought back.
        signal.signal(number, signal.SIG_DFL if before is None else before)
