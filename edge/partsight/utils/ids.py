"""Identifiers that sort by time."""

from __future__ import annotations

import secrets
import uuid

__all__ = ["uuid7"]


def uuid7(unix_ms: int) -> str:
    """A UUID of version 7 (RFC 9562, section 5.7): 48 bits of time, 74 random bits.

    Args:
        unix_ms: milliseconds since 1970-01-01 UTC.

    Returns:
        The canonical text; texts of different milliseconds sort as the times do.
    """
    value = (unix_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return str(uuid.UUID(int=value | 0b10 << 62 | secrets.randbits(62)))
