"""Deletes a journal's oldest rows so that the chain over the rest can still be verified.

First an event records the last row to delete and its hash, for ``verify``. Then rows are deleted
in small portions, each of which moves the anchor, so that no verdict waits long and a kill at any
moment leaves a valid journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from partsight.journal.database import transaction
from partsight.journal.schema import TABLES, VERDICTS, JournalTable

__all__ = ["PRUNED", "Retention", "delete_portion", "last_to_prune"]

# The kind of the event.
PRUNED = "pruned"
# Rows deleted in one transaction, which blocks the writer for milliseconds.
_PORTION = 200


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits of ``Journal.prune``; None is no limit."""

    keep_rows: int | None = None
    delivered: int | None = None
    aged: Mapping[str, int] | None = None


def last_to_prune(reader: sqlite3.Connection, kept: Retention) -> dict[str, tuple[int, str]]:
    """Return, by table, seq and hexadecimal hash of the last row to delete or deleted before.

    Empty if there is nothing to prune. Otherwise it has all tables, so that the newest event
    about pruning covers every anchor: older events may be pruned themselves.

    Args:
        reader: a connection for reading.
        kept: the limits.
    """
    anchors = {of: (seq, hash) for of, seq, hash in reader.execute("SELECT * FROM anchors")}
    found = {}
    for table in TABLES:
        seq = max(_limits(reader, table, kept), default=0)
        if table is VERDICTS and kept.delivered is not None:
            seq = min(seq, kept.delivered)
        query = f'SELECT seq, hash FROM "{table.name}" WHERE seq = ?'
        found[table.name] = reader.execute(query, (seq,)).fetchone() or anchors[table.name]
    if found == anchors:
        return {}
    return {name: (seq, bytes(hash).hex()) for name, (seq, hash) in found.items()}


def _limits(reader: sqlite3.Connection, table: JournalTable, kept: Retention) -> Iterator[int]:
    (last,) = reader.execute(f'SELECT ifnull(max(seq), 0) FROM "{table.name}"').fetchone()
    if kept.aged is not None:
        yield min(last, kept.aged.get(table.name, 0))
    if kept.keep_rows is not None:
        yield last - kept.keep_rows


def delete_portion(connection: sqlite3.Connection, table: str, last: int) -> int:
    """Delete some of the oldest rows up to ``last`` and move the anchor. Return their number.

    Raises:
        sqlite3.Error: no row was deleted.
    """
    chosen = f'SELECT seq, hash FROM "{table}" WHERE seq <= ? ORDER BY seq LIMIT ?'
    rows = connection.execute(chosen, (last, _PORTION)).fetchall()
    if rows:
        with transaction(connection):
            connection.execute(f'DELETE FROM "{table}" WHERE seq <= ?', (rows[-1][0],))
            connection.execute(
                "UPDATE anchors SET seq = ?, hash = ? WHERE of = ?", (*rows[-1], table)
            )
    return len(rows)
