"""Rows kept in a list, for tests and notebooks."""

from __future__ import annotations

from typing import Any

from partsight.results.base import Row

__all__ = ["MemorySink"]


class MemorySink:
    """Collects copies of rows in ``rows``."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, row: Row) -> None:
        """Append a copy of one row."""
        self.rows.append(dict(row))
