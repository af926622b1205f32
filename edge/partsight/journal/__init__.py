"""The journal: the truth on the device. A row a verdict, durable before it is announced.

SQLite in WAL mode; only the standard library is needed. The line writes it (``write``), sinks are
fed from it (``sinks.feed``), people query, export and verify it (``selection``, ``verify``).
"""

from __future__ import annotations

from partsight.journal.read import read_rows
from partsight.journal.selection import Selection, count, select
from partsight.journal.verify import Verified, verify
from partsight.journal.write import Journal

__all__ = ["Journal", "Selection", "Verified", "count", "read_rows", "select", "verify"]
