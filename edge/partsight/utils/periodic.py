"""Periodic work in a thread, which must not block the line's loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from partsight.errors import PartsightError

__all__ = ["Periodic"]

logger = logging.getLogger(__name__)


class Periodic:
    """Calls a function at once and then periodically, in a thread, until the block ends.

    Args:
        name: of the thread, also used in the log.
        work: the function; a ``PartsightError`` is logged and the next call takes place as usual.
        every_s: seconds between two calls.
    """

    def __init__(self, name: str, work: Callable[[], None], every_s: float) -> None:
        self._name, self._work, self._every_s = name, work, every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Periodic:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        # With a timeout: work that hangs must not keep the line from stopping.
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while True:
            try:
                self._work()
            except PartsightError as error:
                logger.warning("%s: %s", self._name, error)
            if self._end.wait(self._every_s):
                return
