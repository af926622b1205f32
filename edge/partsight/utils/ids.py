"""Identifiers that sort by time."""

from __future__ import annotations

import re
import secrets
import uuid
from datetime import datetime, timedelta, timezone

__all__ = ["time_of_uuid7", "uuid7"]

_VERSION_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def uuid7(unix_ms: int) -> str:
    """A UUID of version 7 (RFC 9562, section 5.7): 48 bits of time, 74 random bits.

    Args:
        unix_ms: milliseconds since 1970-01-01 UTC.

    Returns:
        The canonical text; texts of different milliseconds sort as the times do.
    """
    value = (unix_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return str(uuid.UUID(int=value | 0b10 << 62 | secrets.randbits(62)))


def time_of_uuid7(text: str) -> datetime | None:
    """Return the time in an identifier, UTC; None if it is not of version 7 or after year 9999."""
    if not _VERSION_7.fullmatch(text):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(text[:8] + text[9:13], 16))
    except OverflowError:
        return None
