"""Interface of the line's sinks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from partsight.results.base import Row

__all__ = ["LineSink"]


class LineSink(AbstractContextManager["LineSink"], Protocol):
    """Delivers the journal's rows to a receiver that may be unreachable.

    Called by a thread of its own (``sinks.delivery_worker``), which keeps the cursor: a sink has
    no memory. Rows carry ``seq``, the journal's number, and ``id``, by which receivers recognize
    duplicates.
    """

    def deliver(self, rows: Sequence[Row]) -> None:
        """Deliver rows in order; return when the receiver has acknowledged all of them.

        Without acknowledgements, return when all rows are sent.

        Raises:
            SinkUnavailable: not all rows are acknowledged; they are delivered again.
            SinkClosed: the receiver is gone for good; the rows are dropped.
        """

    def report(self, status: Mapping[str, Any]) -> bool:
        """Report the status of the line, about once a second. Missed reports are not repeated.

        Args:
            status: ``Telemetry.status()``.

        Returns:
            Whether a receiver confirmed it; False if the sink sends no reports.

        Raises:
            SinkUnavailable: it was not confirmed.
        """
