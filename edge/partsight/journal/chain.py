"""The hash chain over the rows of a table, which reveals changed, missing or moved rows.

The hash of a row is SHA-256 of the hash before it (32 bytes) and the row's stored values as JSON:
an object with ``seq`` and all columns, keys sorted, no spaces, ASCII; bytes as
``{"bytes": hexadecimal}``. The chain starts from the genesis or, once old rows were pruned, from
the anchor. A missing tail cannot be detected from the journal alone; note ``Journal.head``
elsewhere for that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["genesis", "link"]


def _bytes(value: Any) -> dict[str, str]:
    return {"bytes": bytes(value).hex()}


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_bytes).encode


def genesis(journal_id: str, table: str) -> bytes:
    """Return the hash before a table's first row, unique to the journal and the table."""
    return hashlib.sha256(f"partsight journal {journal_id} {table}".encode()).digest()


def link(previous: bytes, seq: int, stored: Mapping[str, Any]) -> bytes:
    """Return the hash of a row.

    Args:
        previous: hash of the row before it, 32 bytes.
        seq: the row's number.
        stored: its values as SQLite returns them.
    """
    return hashlib.sha256(previous + _encode({"seq": seq, **stored}).encode()).digest()
