"""One step of feeding a sink: a batch of rows handed on, or the reason why not, and when again.

Enters: a sink's opener, the journal's tail, the sink's cursor. Leaves: rows in the sink, at least
once and in order; counts and states in the vitals. ``feed.Feeder`` calls it from a thread.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from partsight.errors import SinkUnavailable
from partsight.health.vitals import Vitals
from partsight.journal.tail import Tail
from partsight.sinks.base import LineSink, Row
from partsight.sinks.cursor import Cursor, Place

__all__ = ["BATCH_ROWS", "Pump", "Start", "cursor_path"]

logger = logging.getLogger(__name__)

# Where a sink begins that is new to a journal.
Start = Literal["end", "beginning"]

BATCH_ROWS = 100
REPORT_S = 1.0
SYNC_S = 1.0
# After a failure it waits half a second, then twice as long each time, up to half a minute.
FIRST_RETRY_S = 0.5
LAST_RETRY_S = 30.0


def cursor_path(journal_path: Path, sink: str) -> Path:
    """Where the cursor of a sink lies: in a folder beside the journal."""
    journal_path = journal_path.resolve()
    return journal_path.with_name(journal_path.name + ".cursors") / quote(sink, safe="")


class Pump:
    """A sink and how far it has come. For one thread.

    Args:
        name: of the sink, in cursor, vitals and logs.
        open_sink: makes the sink; called when there is need, and again after each failure.
        tail: of the journal.
        cursor: of the sink.
        vitals: told of all that happens.
        start: where it begins if it is new: at the journal's end, so that nobody who acts on
            verdicts gets those of parts that are long gone, or at its beginning.
        clock: seconds, monotonic.
        jitter: a number in [0, 1): lines that lost one broker must not all come at once.
        batch_rows: how many rows are handed on together.

    Raises:
        JournalError: the journal cannot be read.
    """

    def __init__(
        self,
        name: str,
        open_sink: Callable[[], LineSink],
        tail: Tail,
        cursor: Cursor,
        vitals: Vitals,
        *,
        start: Start,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._name, self._part = name, f"sink {name}"
        self._open_sink, self._tail, self._cursor = open_sink, tail, cursor
        self._vitals, self._clock, self._jitter = vitals, clock, jitter
        self._batch_rows = batch_rows
        self._stack = contextlib.ExitStack()
        self._sink: LineSink | None = None
        self._failures, self._retry_at = 0, clock()
        self._report_at = self._sync_at = clock()
        self._journal, last = tail.end()
        self.position = self._begun(start, last)
        self._save(sync=True)

    @property
    def retry_in_s(self) -> float:
        """Seconds until a failure is to be tried again; 0 where none is."""
        return max(0.0, self._retry_at - self._clock())

    def step(self) -> bool:
        """Hand on a batch, and report when it is time; whether there may be more at once."""
        if self.retry_in_s > 0:
            return False
        try:
            rows = self._next_rows()
            sink = self._opened()
            if rows:
                sink.deliver(rows)
                self._handed_on(rows)
            if self._clock() >= self._report_at:
                self._report_at = self._clock() + REPORT_S
                sink.report(self._vitals.status())
        except SinkUnavailable as away:
            self._failed("away", away)
            return False
        except Exception as fault:
            # Whatever a sink does wrong, it must neither end its feeder nor go unseen.
            logger.debug("%s", self._part, exc_info=True)
            self._failed("faulty", fault)
            return False
        self._failures = 0
        self._vitals.state(self._part, "delivering")
        return bool(rows)

    def close(self) -> None:
        """Close the sink and write down where it is."""
        self._leave()
        self._tail.close()
        self._cursor.close()

    def _begun(self, start: Start, last: int) -> int:
        place = self._cursor.place
        if place is None:
            return last if start == "end" else 0
        # Of a fresh journal all is new. Of one that was set back to an older copy, what comes.
        return min(place.seq, last) if place.journal == self._journal else 0

    def _next_rows(self) -> list[Row]:
        journal, last = self._tail.end()
        if journal != self._journal:
            self._journal, self.position = journal, 0
        self._vitals.set("queue", max(0, last - self.position), self._name)
        return list(self._tail.rows(self.position, self._batch_rows))

    def _opened(self) -> LineSink:
        if self._sink is None:
            self._sink = self._stack.enter_context(self._open_sink())
        return self._sink

    def _handed_on(self, rows: list[Row]) -> None:
        self.position = rows[-1]["seq"]
        self._vitals.count("delivered", self._name, len(rows))
        due = self._clock() >= self._sync_at
        if due:
            self._sync_at = self._clock() + SYNC_S
        self._save(sync=due)

    def _save(self, *, sync: bool) -> None:
        try:
            self._cursor.save(Place(self._journal, self.position), sync=sync)
        except OSError as error:
            # It goes on in memory; after a restart some rows come twice.
            logger.warning("%s: cannot write its cursor: %s", self._part, error)

    def _failed(self, state: str, error: Exception) -> None:
        self._leave()
        wait_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(self._failures, 16))
        if isinstance(error, SinkUnavailable) and error.retry_after_s is not None:
            wait_s = error.retry_after_s
        self._failures += 1
        self._retry_at = self._clock() + wait_s * (0.5 + self._jitter() / 2)
        self._vitals.count("delivery_failures", self._name)
        what = error if isinstance(error, SinkUnavailable) else f"{type(error).__name__}: {error}"
        self._vitals.state(self._part, state, str(what))

    def _leave(self) -> None:
        self._sink = None
        try:
            self._stack.close()
        except Exception as error:
            logger.warning("%s: cannot be closed: %s", self._part, error)
            logger.debug("%s", self._part, exc_info=True)
