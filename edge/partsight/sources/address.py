"""What a source's address says by itself. Imports nothing that a camera needs."""

from __future__ import annotations

__all__ = ["is_live"]


def is_live(address: str) -> bool:
    """Whether an address is that of a camera or stream, which has no end."""
    return address.isdecimal() or address.startswith("/dev/") or "://" in address
