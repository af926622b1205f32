"""One step of delivery to a sink: deliver a batch of rows, or note the error and the next try.

Rows go from the journal's tail to the sink, at least once and in order. Called by the thread of
``DeliveryWorker``. States of a sink:

    idle         opened, and nothing was delivered yet
    delivering   the last delivery or report was confirmed
    unreachable  the receiver did not confirm the last one; it is tried again
    faulty       the sink or the journal's tail failed in another way; it is tried again
    closed       the receiver is gone for good; rows are dropped

A row that the receiver can never take is set aside, see ``refusals``; the detail of the state
``delivering`` shows how many were.

Only a confirmed delivery ends an outage and resets the backoff: a step with nothing to deliver
proves nothing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

from partsight.errors import (
    JournalError,
    PartsightError,
    RowRefused,
    SinkClosed,
    SinkUnavailable,
)
from partsight.journal.tail import Tail
from partsight.records import OnEvent
from partsight.results.base import Row
from partsight.sinks.base import LineSink
from partsight.sinks.cursor import Cursor
from partsight.sinks.journal_reader import JournalReader, Start
from partsight.sinks.refusals import DATA_ERRORS, Refusals
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.backoff import Backoff

__all__ = ["BATCH_ROWS", "Delivery"]

logger = logging.getLogger(__name__)

BATCH_ROWS = 100
REPORT_S = 1.0
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 60.0


class Delivery:
    """A sink and its position in the journal. For one thread.

    Args:
        name: of the sink, in cursor, telemetry and logs.
        open_sink: makes the sink; called when needed, and again after each failure.
        tail: of the journal.
        cursor: of the sink.
        telemetry: gets counts and the state.
        on_event: writes the event ``dead_letter`` for a row that is set aside; raises
            ``OutputError`` if it cannot be written.
        start: where a new sink begins: at the journal's end, so that receivers do not act on parts
            that are gone, or at its beginning.
        clock: seconds, monotonic.
        jitter: number in [0, 1), see ``Backoff``.
        batch_rows: largest number of rows per delivery.

    Attributes:
        reader: position of the sink in the journal.

    Raises:
        JournalError: the journal cannot be read.
    """

    def __init__(
        self,
        name: str,
        open_sink: Callable[[], LineSink],
        tail: Tail,
        cursor: Cursor,
        telemetry: Telemetry,
        on_event: OnEvent,
        *,
        start: Start,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._name, self._component = name, f"sink {name}"
        self._open_sink = open_sink
        self._telemetry, self._clock = telemetry, clock
        self._backoff = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S, jitter)
        self._refusals = Refusals(name, telemetry, on_event, batch_rows)
        self._stack = contextlib.ExitStack()
        self._sink: LineSink | None = None
        # Whether a delivery failed and none was confirmed since; whether one is in progress.
        self._lost = self._trying = False
        self._state = ""
        self._retry_at = clock()
        self._report_at = clock()
        self.reader = JournalReader(
            name,
            tail,
            cursor,
            telemetry,
            start=start,
            clock=clock,
            on_unreadable=self._refusals.unreadable,
        )

    @property
    def retry_in_s(self) -> float:
        """Seconds until the next try after a failure; 0 without one."""
        return max(0.0, self._retry_at - self._clock())

    def step(self) -> bool:
        """Deliver a batch, and report if it is time. Return whether there may be more rows."""
        if self.retry_in_s > 0:
            with contextlib.suppress(JournalError):
                self.reader.count_waiting()
            return False
        self._trying = False
        try:
            rows = self._next_rows()
            sink = self._opened()
            self._trying = True
            confirmed = self._deliver(sink, rows)
            confirmed = self._report(sink) or confirmed
        except Exception as error:
            # An error of a sink must neither end its thread nor go unnoticed.
            logger.debug("%s", self._component, exc_info=True)
            self._failed(error)
            return False
        if confirmed:
            self._confirmed()
        elif not self._lost and self._state != "delivering":
            self._set_state("idle", "nothing delivered since it was opened")
        return bool(rows)

    def close(self) -> None:
        """Close the sink and save its position."""
        self._leave()
        self.reader.close()

    def _opened(self) -> LineSink:
        if self._sink is None:
            self._sink = self._stack.enter_context(self._open_sink())
        return self._sink

    def _next_rows(self) -> list[Row]:
        """Return the rows to deliver next: those after the suspects, if there are any."""
        suspects = self._refusals.waiting
        rows = self.reader.next_rows(suspects + self._refusals.limit)[suspects:]
        if suspects and not rows:
            self._trying = True
            self._refusals.give_up()
        return rows

    def _deliver(self, sink: LineSink, rows: list[Row]) -> bool:
        """Deliver rows, if there are any. Return whether at least one was acknowledged."""
        if not rows:
            return False
        try:
            confirmed = sink.deliver(rows)
        except SinkClosed as closed:
            # Skip the rows: otherwise they would keep old rows in the journal from pruning.
            self.reader.move_to(rows[-1]["seq"])
            self._lost = True
            self._telemetry.count("delivery_failures", self._name)
            self._set_state("closed", str(closed))
            return False
        except (RowRefused, *DATA_ERRORS) as refused:
            self._refused(rows, refused)
            return False
        if not self._refusals.accepted(rows[confirmed - 1]["seq"]):
            return False
        self.reader.move_to(rows[confirmed - 1]["seq"])
        self._telemetry.count("delivered", self._name, confirmed)
        self._backoff.reset()
        return True

    def _refused(self, rows: list[Row], error: Exception) -> None:
        if not isinstance(error, RowRefused):
            logger.debug("%s", self._component, exc_info=True)
            self._leave(error)  # its state is unknown
        settled = self._refusals.refused(rows, error)
        if settled is not None:
            self.reader.move_to(settled)

    def _report(self, sink: LineSink) -> bool:
        """Report the status, if it is time. Return whether it was confirmed."""
        if self._clock() < self._report_at:
            return False
        confirmed = sink.report(self._telemetry.status())
        self._report_at = self._clock() + REPORT_S
        return confirmed

    def _confirmed(self) -> None:
        self._lost = False
        self._backoff.reset()
        self._set_state("delivering", self._refusals.summary)

    def _failed(self, error: Exception) -> None:
        self._leave(error)
        self._refusals.interrupted()
        self._lost = self._lost or self._trying
        wait_s = self._backoff.next_s()
        state = "faulty"
        if isinstance(error, SinkUnavailable):
            state = "unreachable"
            wait_s = max(wait_s, error.retry_after_s or 0.0)
        self._retry_at = self._clock() + wait_s
        self._telemetry.count("delivery_failures", self._name)
        known = isinstance(error, PartsightError)
        self._set_state(state, str(error) if known else f"{type(error).__name__}: {error}")

    def _set_state(self, state: str, detail: str = "") -> None:
        self._state = state
        self._telemetry.state(self._component, state, detail)

    def _leave(self, cause: Exception | None = None) -> None:
        """Close the sink with the cause: after an error it must not report a regular stop."""
        self._sink = None
        try:
            self._stack.__exit__(type(cause) if cause else None, cause, None)
        except Exception as error:
            logger.warning("%s: cannot be closed: %s", self._component, error)
            logger.debug("%s", self._component, exc_info=True)
