"""Work that comes round again and must not hold up the loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from partsight.errors import PartsightError

__all__ = ["Periodic"]

logger = logging.getLogger(__name__)


class Periodic:
    """Does something at once, and again every so often, in a thread, while the block lasts.

    Args:
        name: of the thread, and in the log.
        work: what to do; a ``PartsightError`` is logged, and it is tried again next time.
        every_s: seconds between two times.
    """

    def __init__(self, name: str, work: Callable[[], None], every_s: float) -> None:
        self._name, self._work, self._every_s = name, work, every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Periodic:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        # Not for ever: what hangs must not keep the line from ending.
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while True:
            try:
                self._work()
            except PartsightError as error:
                logger.warning("%s: %s", self._name, error)
            if self._end.wait(self._every_s):
                return
