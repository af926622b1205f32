"""Deletes a journal's oldest rows so that the chain over the rest can be verified still.

First an event tells up to which row, and its hash, which ``verify`` asks the chain for; then rows
go in small portions, each moving the anchor along, so that no verdict waits long and a kill at
any moment leaves a journal that verifies.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from partsight.journal.database import transaction
from partsight.journal.schema import TABLES, VERDICTS, Table

__all__ = ["PRUNED", "Retention", "delete_portion", "last_to_prune"]

# The kind of the event.
PRUNED = "pruned"
# Rows that go in one transaction, milliseconds of the writer's time.
_PORTION = 200


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept, see ``Journal.prune``. What is None does not limit."""

    keep_days: float | None = None
    keep_rows: int | None = None
    handed_on: int | None = None


def last_to_prune(
    reader: sqlite3.Connection, kept: Retention, now: datetime
) -> dict[str, tuple[int, str]]:
    """By table the last row that may go, or that went before: its seq and hexadecimal hash.

    Empty where there is nothing to prune. Else all tables are in it, so that the newest event
    about pruning accounts for every anchor: older ones may be pruned themselves.

    Args:
        reader: a connection that may read.
        kept: what is to stay.
        now: the time, with a time zone.
    """
    anchors = {of: (seq, hash) for of, seq, hash in reader.execute("SELECT * FROM anchors")}
    found = {}
    for table in TABLES:
        seq = max(_limits(reader, table, kept, now), default=0)
        if table is VERDICTS and kept.handed_on is not None:
            seq = min(seq, kept.handed_on)
        query = f'SELECT seq, hash FROM "{table.name}" WHERE seq = ?'
        found[table.name] = reader.execute(query, (seq,)).fetchone() or anchors[table.name]
    if found == anchors:
        return {}
    return {name: (seq, bytes(hash).hex()) for name, (seq, hash) in found.items()}


def _limits(
    reader: sqlite3.Connection, table: Table, kept: Retention, now: datetime
) -> Iterator[int]:
    (last,) = reader.execute(f'SELECT ifnull(max(seq), 0) FROM "{table.name}"').fetchone()
    if kept.keep_days is not None:
        since = (now - timedelta(days=kept.keep_days)).isoformat(timespec="milliseconds")
        # In the order of seq, not of the index: only what goes is looked at.
        young = reader.execute(
            f'SELECT seq FROM "{table.name}" NOT INDEXED '
            f'WHERE julianday("{table.time}") >= julianday(?) ORDER BY seq LIMIT 1',
            (since,),
        ).fetchone()
        yield young[0] - 1 if young else last
    if kept.keep_rows is not None:
        yield last - kept.keep_rows


def delete_portion(connection: sqlite3.Connection, table: str, last: int) -> int:
    """Delete some of the oldest rows up to ``last`` and move the anchor; how many they were.

    Raises:
        sqlite3.Error: none is deleted.
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
