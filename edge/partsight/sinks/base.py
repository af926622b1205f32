"""Interface of the line's sinks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from partsight.results.base import Row

__all__ = ["LineSink"]


class LineSink(AbstractContextManager["LineSink"], Protocol):
    """Hands the journal's rows on to somebody who may be away.

    Driven by one thread of its own (``sinks.feed``), which keeps the cursor: a sink remembers
    nothing. Rows carry ``seq``, the journal's number, and ``id``, by which receivers tell one
    that comes twice.
    """

    def deliver(self, rows: Sequence[Row]) -> None:
        """Deliver some rows in their order; when it returns, each is acknowledged.

        Raises:
            SinkUnavailable: not all are acknowledged. The same rows come again.
            SinkClosed: nobody will ever take them. They are dropped.
        """

    def report(self, status: Mapping[str, Any]) -> bool:
        """Report how the line is, about once a second; old reports are not kept for later.

        Args:
            status: ``Telemetry.status()``.

        Returns:
            Whether a receiver confirmed it; False where the sink takes no reports.

        Raises:
            SinkUnavailable: it was not confirmed.
        """
