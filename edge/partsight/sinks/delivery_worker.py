"""A thread that feeds a sink from the journal, so that no sink stalls or stops inspection.

Enters: the journal. Leaves: its rows in the sink, at least once and in order, from where the sink
was when the line last ran. A sink that raises is opened again later; one that blocks holds up
nothing but itself, not even the end of the process.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from partsight.errors import JournalError, OutputError
from partsight.journal.tail import Tail
from partsight.journal.write import Journal
from partsight.sinks.base import LineSink
from partsight.sinks.cursor import Cursor
from partsight.sinks.delivery import Delivery, Start, cursor_path
from partsight.telemetry.telemetry import Telemetry

__all__ = ["DeliveryWorker", "close_feeders"]

logger = logging.getLogger(__name__)

# How often it looks whether there is a status to report.
_IDLE_S = 0.25


class DeliveryWorker:
    """Feeds one sink; started by ``start`` or as a context manager.

    Args:
        name: of the sink; two sinks of a line must not share it.
        open_sink: makes the sink, in the feeder's thread, and again after each failure.
        journal_path: what is read, by a connection of its own.
        journal: only waited on.
        telemetry: gets deliveries, failures, the queue and the state ``sink NAME``.
        start: where a sink begins that has no cursor yet, see ``Delivery``. It is settled here, and
            not in the thread: all that is appended from now on is handed on.
        clock: seconds, monotonic.
        jitter: number in [0, 1), see ``Backoff``.

    Raises:
        JournalError: the journal cannot be read.
        OutputError: there can be no cursor beside it.
    """

    def __init__(
        self,
        name: str,
        open_sink: Callable[[], LineSink],
        journal_path: Path,
        journal: Journal,
        telemetry: Telemetry,
        *,
        start: Start = "end",
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._journal, self._journal_path = journal, journal_path
        place = cursor_path(journal_path, name)
        try:
            cursor = Cursor(place)
        except OSError as error:
            raise OutputError(
                f"cannot keep the cursor of the sink {name}: {error}. Make {place.parent} writable."
            ) from error
        self._delivery = Delivery(
            name,
            open_sink,
            Tail(journal_path),
            cursor,
            telemetry,
            start=start,
            clock=clock,
            jitter=jitter,
        )
        self._stopping = threading.Event()
        # A sink that blocks must not hold the process.
        self._thread = threading.Thread(target=self._run, name=f"sink {name}", daemon=True)

    @property
    def position(self) -> int:
        """The ``seq`` of the last row that was handed on: ``Journal.prune`` asks for it."""
        return self._delivery.position

    def start(self) -> None:
        """Begin to feed."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; ``close`` waits for it. Of several, all are asked first."""
        self._stopping.set()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Hand on what can be handed on at once, and end; whether it ended in time.

        Args:
            timeout_s: how long to wait for it. What is left is handed on when the line runs again.
        """
        self.stop()
        if self._thread.ident is None:
            self._delivery.close()
            return True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            logger.warning(
                "the sink %s still blocks after %.1f s; the line ends without it",
                self.name,
                timeout_s,
            )
        self._count_waiting()
        return not self._thread.is_alive()

    def _count_waiting(self) -> None:
        """Count what is not handed on, also where the sink blocks."""
        tail = Tail(self._journal_path)
        with contextlib.closing(tail), contextlib.suppress(JournalError):
            self._delivery.count_waiting(*tail.end())

    def __enter__(self) -> DeliveryWorker:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        # The last round finds nothing to hand on, or fails; both end it.
        while self._delivery.step() or not self._stopping.is_set():
            self._pause()
        self._delivery.close()

    def _pause(self) -> None:
        retry_in_s = self._delivery.retry_in_s
        if retry_in_s > 0:
            self._stopping.wait(min(retry_in_s, _IDLE_S))
        else:
            self._journal.wait(self._delivery.position, _IDLE_S)


def close_feeders(
    workers: Sequence[DeliveryWorker],
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[str]:
    """End all feeders at once.

    Args:
        workers: the line's.
        timeout_s: how long to wait for all of them together.
        clock: seconds, monotonic.

    Returns:
        The names of those that did not end in time.
    """
    deadline_s = clock() + timeout_s
    for worker in workers:
        worker.stop()
    return [each.name for each in workers if not each.close(max(0.0, deadline_s - clock()))]
