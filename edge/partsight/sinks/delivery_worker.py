"""A thread that delivers the journal's rows to a sink, so that no sink delays inspection.

Rows are delivered at least once and in order, from the position that the sink had when the line
last ran. A sink that raises is opened again later. A sink that blocks delays nothing else, not
even the end of the process.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from partsight.errors import JournalError, OutputError
from partsight.journal.read import has_event
from partsight.journal.tail import Tail
from partsight.journal.write import Journal
from partsight.sinks.base import LineSink
from partsight.sinks.cursor import Cursor
from partsight.sinks.delivery import Delivery
from partsight.sinks.journal_reader import Start, cursor_path
from partsight.telemetry.telemetry import Telemetry

__all__ = ["DeliveryWorker", "close_workers"]

logger = logging.getLogger(__name__)

# How often it checks whether a status report is due.
_IDLE_S = 0.25


class DeliveryWorker:
    """Delivers to one sink; started by ``start`` or as a context manager.

    Args:
        name: of the sink, unique within the line.
        open_sink: makes the sink, in the worker's thread, and again after each failure.
        journal_path: of the journal, read through a connection of the worker's own.
        journal: used only to wait for new rows and to write events.
        telemetry: gets deliveries, failures, the queue and the state ``sink NAME``.
        start: where a sink without a cursor begins, see ``Delivery``. The position is fixed here
            and not in the thread, so that every row appended from now on is delivered.
        clock: seconds, monotonic.
        jitter: number in [0, 1), see ``Backoff``.

    Raises:
        JournalError: the journal cannot be read.
        OutputError: the cursor cannot be created, or an event cannot be written.
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
        path = cursor_path(journal_path, name)
        try:
            cursor = Cursor(path)
        except OSError as error:
            raise OutputError(
                f"cannot keep the cursor of the sink {name}: {error}. Make {path.parent} writable."
            ) from error
        if cursor.damaged is not None:
            journal.event("cursor_damaged", {"sink": name, "file": cursor.damaged.name})
        elif cursor.position is None:
            start = self._noted_start(start)
        self._delivery = Delivery(
            name,
            open_sink,
            Tail(journal_path),
            cursor,
            telemetry,
            journal.event,
            start=start,
            clock=clock,
            jitter=jitter,
        )
        self._stopping = threading.Event()
        # A daemon: a sink that blocks must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=f"sink {name}", daemon=True)

    def _noted_start(self, start: Start) -> Start:
        """Note a new sink in the journal, and return where it begins.

        A sink that was noted before has lost its cursor. Rather twice than not at all: receivers
        recognize a repeated row by its id.
        """
        if not has_event(self._journal_path, "sink_added", "sink", self.name):
            self._journal.event("sink_added", {"sink": self.name, "start": start})
            return start
        self._journal.event("cursor_lost", {"sink": self.name})
        logger.warning(
            "sink %s: its cursor was removed; all rows of the journal are delivered again",
            self.name,
        )
        return "beginning"

    @property
    def position(self) -> int:
        """``seq`` of the last delivered row, for ``Journal.prune``."""
        return self._delivery.reader.position

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; ``close`` waits for it."""
        self._stopping.set()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Deliver the remaining rows and end. Return whether the thread ended in time.

        Args:
            timeout_s: longest wait in seconds. Rows left over are delivered at the next run.
        """
        self.stop()
        if self._thread.ident is None:
            self._delivery.close()
            return True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            logger.warning(
                "the sink %s did not stop within %.1f s; the line ends without waiting for the "
                "sink",
                self.name,
                timeout_s,
            )
        self._count_waiting()
        return not self._thread.is_alive()

    def _count_waiting(self) -> None:
        """Count undelivered rows, also if the sink blocks."""
        tail = Tail(self._journal_path)
        with contextlib.closing(tail), contextlib.suppress(JournalError):
            self._delivery.reader.count_waiting(tail)

    def __enter__(self) -> DeliveryWorker:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> None:
        # After ``stop``, a step with nothing left to deliver or with an error ends the loop.
        while self._delivery.step() or not self._stopping.is_set():
            self._pause()
        self._delivery.close()

    def _pause(self) -> None:
        retry_in_s = self._delivery.retry_in_s
        if retry_in_s > 0:
            self._stopping.wait(min(retry_in_s, _IDLE_S))
        else:
            self._journal.wait(self._delivery.reader.position, _IDLE_S)


def close_workers(
    workers: Sequence[DeliveryWorker],
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[str]:
    """End all workers, in parallel.

    Args:
        workers: of the line.
        timeout_s: longest wait for all of them together, in seconds.
        clock: seconds, monotonic.

    Returns:
        The names of the sinks that did not end in time.
    """
    deadline_s = clock() + timeout_s
    for worker in workers:
        worker.stop()
    return [each.name for each in workers if not each.close(max(0.0, deadline_s - clock()))]
