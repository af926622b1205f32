"""Wall-clock time for rows, frames and files; for ages use ``time.monotonic``."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ["file_time", "utc_now"]


def utc_now() -> datetime:
    """The current time in UTC, with its time zone."""
    return datetime.now(timezone.utc)


def file_time(seconds: float) -> datetime | None:
    """The time of a file's last change in UTC; None if it is no date of the years 1 to 9998.

    File systems and archives store any number, also infinity. A day is left to each end of what
    ``datetime`` can hold, for conversions to other time zones.

    Args:
        seconds: since 1970.
    """
    try:
        found = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
    return found if (1, 1, 2) <= (found.year, found.month, found.day) < (9999, 1, 1) else None
