"""Selects rows of a journal, for ``partsight journal query`` and ``export``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from partsight.errors import UnreadableRow
from partsight.journal.read import PAGE_ROWS, load_readable, reading
from partsight.journal.schema import VERDICTS, JournalTable

__all__ = ["Selection", "count", "select"]

_CONDITIONS = {
    "since": "{time} >= julianday(:since)",
    "until": "{time} < julianday(:until)",
    "part": "part_id = :part",
    "verdict": "verdict = :verdict",
    "model": "(model_version = :model OR substr(model, 1, length(:model)) = :model)",
}
# The largest row number of SQLite.
_ALL = {"first": 0, "last": 2**63 - 1}
_NOTHING = {"first": 1, "last": 0}


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions that rows must meet; None is no condition.

    Attributes:
        since: inspected, or for events happened, not before this time, with a time zone.
        until: before this time.
        part: with this part id.
        verdict: with this verdict.
        model: by this model: its version, or the beginning of its SHA-256.
        limit: largest number of rows; the newest ones are selected.
    """

    since: datetime | None = None
    until: datetime | None = None
    part: str | None = None
    verdict: str | None = None
    model: str | None = None
    limit: int | None = None


def select(
    path: Path,
    selection: Selection,
    table: JournalTable = VERDICTS,
    on_unreadable: Callable[[UnreadableRow], object] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the selected rows, oldest first.

    Args:
        path: the journal.
        selection: the conditions; for events, only times and limit.
        table: verdicts or events.
        on_unreadable: called with each row that is left out because it cannot be read; None raises.

    Raises:
        JournalError: the journal cannot be read.
    """
    values, source = _values(selection), _source(selection, table)
    with reading(path) as connection:
        values |= _bounds(connection, source, values, table)
        page = f"{table.select} {source} ORDER BY seq LIMIT {PAGE_ROWS}"
        while records := connection.execute(page, values).fetchall():
            yield from load_readable(table, records, on_unreadable)
            values["first"] = records[-1][0] + 1


def count(path: Path, selection: Selection, table: JournalTable = VERDICTS) -> int:
    """Return the number of rows that ``select`` yields.

    Raises:
        JournalError: the journal cannot be read.
    """
    values, source = _values(selection), _source(selection, table)
    with reading(path) as connection:
        values |= _bounds(connection, source, values, table)
        query = f"SELECT count(*) FROM {table.name} {source}"
        return int(connection.execute(query, values).fetchone()[0])


def _values(selection: Selection) -> dict[str, Any]:
    """Return the parameters of the conditions."""
    values = {name: value for name, value in asdict(selection).items() if value is not None}
    return values | {
        name: values[name].isoformat() for name in ("since", "until") if name in values
    }


def _source(selection: Selection, table: JournalTable) -> str:
    """Return the end of a query for rows from ``:first`` to ``:last`` that meet the conditions."""
    met = [
        condition.format(time=table.julian_day)
        for name, condition in _CONDITIONS.items()
        if getattr(selection, name) is not None
    ]
    # Use an index in the order of seq: with another one, each page would sort all rows.
    index = "INDEXED BY verdicts_by_part" if selection.part is not None else "NOT INDEXED"
    return f"{index} WHERE {' AND '.join(['seq BETWEEN :first AND :last', *met])}"


def _bounds(
    connection: sqlite3.Connection, source: str, values: dict[str, Any], table: JournalTable
) -> dict[str, int]:
    """Return the first and last row to read: all, those of the time range, or the newest."""
    bounds = _ALL
    time = table.julian_day
    timed = [_CONDITIONS[name].format(time=time) for name in ("since", "until") if name in values]
    if timed:
        query = f"SELECT min(seq), max(seq) FROM {table.name} WHERE {' AND '.join(timed)}"
        found = connection.execute(query, values).fetchone()
        bounds = _NOTHING if found[0] is None else {"first": found[0], "last": found[1]}
    if "limit" in values:
        query = f"SELECT seq FROM {table.name} {source} ORDER BY seq DESC LIMIT :limit"
        newest = connection.execute(query, values | bounds).fetchall()
        bounds = {**bounds, "first": newest[-1][0]} if newest else _NOTHING
    return bounds
