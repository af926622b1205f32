"""Interface of result files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Row", "Sink"]

# Column to value: text, number, None, or a mapping of label to probability.
Row = Mapping[str, Any]


class Sink(Protocol):
    """Receives rows one after the other; all rows of a run have the same columns."""

    def write(self, row: Row) -> None:
        """Write one row."""
