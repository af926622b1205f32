"""Counts with their noun, as in ``1 image`` and ``2 images``."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, which is regular: plural with ``s`` unless there is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
