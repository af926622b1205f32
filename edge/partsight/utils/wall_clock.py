"""The time that rows, frames and files are dated by; ages are told by ``time.monotonic``."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """Now, with its time zone."""
    return datetime.now(timezone.utc)
