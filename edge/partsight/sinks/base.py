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

    def deliver(self, rows: Sequence[Row]) -> int:
        """Deliver rows in order, and wait for the receiver's acknowledgement.

        A sink whose receiver acts on each row returns after one row: rows that were acknowledged
        are never delivered again because a later one failed.

        Args:
            rows: at least one.

        Returns:
            How many rows are acknowledged, counted from the first; at least 1. Without
            acknowledgements, how many are sent. The others are delivered by the next call.

        Raises:
            RowRefused: the receiver refuses the content of at least one of these rows.
            SinkUnavailable: no row is acknowledged; they are delivered again.
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
