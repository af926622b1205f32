"""Wall-clock time for rows, frames and files; for ages use ``time.monotonic``."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """The current time in UTC, with its time zone."""
    return datetime.now(timezone.utc)
