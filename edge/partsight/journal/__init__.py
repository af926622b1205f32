"""The journal, the device's record: one row per verdict, durable before it is announced.

SQLite in WAL mode, with the standard library only. The line writes it (``write``), sinks read it
(``sinks.delivery``), people query, export and verify it (``selection``, ``verify``).
"""

from __future__ import annotations

from partsight.journal.read import read_events, read_rows
from partsight.journal.selection import Selection, count, select
from partsight.journal.verify import Verified, verify
from partsight.journal.write import Journal

__all__ = [
    "Journal",
    "Selection",
    "Verified",
    "count",
    "read_events",
    "read_rows",
    "select",
    "verify",
]
