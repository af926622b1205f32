"""Numbers with their nouns, in messages."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, such as ``1 image`` and ``2 images``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
