"""Verifies that a journal is unchanged, for ``partsight journal verify``.

Both chains are computed from their anchors to their ends.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from partsight.errors import JournalError
from partsight.journal.chain import genesis, link
from partsight.journal.prune import PRUNED
from partsight.journal.read import pages, reading
from partsight.journal.schema import TABLES, VERDICTS, JournalTable
from partsight.journal.store import Head
from partsight.utils.progress import Progress, silent

__all__ = ["Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Verified:
    """Result of a successful verification.

    Attributes:
        rows: number of rows by table.
        pruned: seq of the last pruned row by table; 0 if none was.
        head: seq and hexadecimal hash of the last verdict, to be noted elsewhere.
    """

    rows: dict[str, int]
    pruned: dict[str, int]
    head: tuple[int, str]


def verify(
    path: Path, expect: tuple[int, str] | None = None, progress: Progress = silent
) -> Verified:
    """Verify every row of a journal.

    Args:
        path: the journal; the line may write it meanwhile.
        expect: a noted head: seq and hexadecimal hash. Only with it are a missing tail and a
            completely rewritten journal detected for certain.
        progress: called for each row.

    Raises:
        JournalError: a row was changed, is missing or out of place; the first one is named.
    """
    rows, anchors, heads = {}, {}, {}
    with reading(path) as connection:
        # A changed text may be invalid UTF-8; its row must be named too.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        # One snapshot for all queries: rows may be pruned meanwhile.
        connection.execute("BEGIN")
        stated = _stated(connection)
        for table in TABLES:
            name = table.name
            anchors[name] = _anchor(connection, table, stated.get(name))
            noted = [stated[name]] if name in stated else []
            if table is VERDICTS and expect is not None:
                noted.append(_noted(expect, anchors[name]))
            heads[name] = _walk(connection, table, anchors[name], noted, progress)
            rows[name] = heads[name][0] - anchors[name][0]
    seq, digest = heads[VERDICTS.name]
    return Verified(rows, {name: seq for name, (seq, _) in anchors.items()}, (seq, digest.hex()))


def _noted(expect: tuple[int, str], anchor: Head) -> Head:
    if expect[0] < anchor[0]:
        raise JournalError(
            f"cannot compare with the row {expect[0]} of --expect: the row was pruned. "
            f"Expected a row from {anchor[0]} on."
        )
    return expect[0], bytes.fromhex(expect[1])


def _stated(connection: sqlite3.Connection) -> dict[str, Head]:
    """Return, by table, the last pruned row according to the latest event about pruning."""
    query = "SELECT detail FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1"
    found = connection.execute(query, (PRUNED,)).fetchone()
    try:
        detail = json.loads(found[0]) if found else {}
        return {name: (int(at["seq"]), bytes.fromhex(at["hash"])) for name, at in detail.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}  # the event was changed, which its own chain reveals


def _anchor(connection: sqlite3.Connection, table: JournalTable, stated: Head | None) -> Head:
    """Return the start of the table's chain, after checking it."""
    query = "SELECT seq, hash FROM anchors WHERE of = ?"
    found: Head = connection.execute(query, (table.name,)).fetchone() or (0, b"")
    (journal_id,) = connection.execute("SELECT id FROM journal").fetchone() or ("",)
    begin = (0, genesis(journal_id, table.name))
    sound = found == begin if found[0] == 0 else stated is not None and found[0] <= stated[0]
    if not sound:
        raise _wrong(table, f"the rows up to {found[0]} were removed", "an event about it", "none")
    return found


def _walk(
    connection: sqlite3.Connection,
    table: JournalTable,
    anchor: Head,
    noted: list[Head],
    progress: Progress,
) -> Head:
    """Compute the chain from its anchor, and return its end."""
    seq, digest = anchor
    _compare(table, seq, digest, noted)
    records = itertools.chain.from_iterable(pages(connection, table, after=seq))
    for record in progress(records, _total(connection, table, seq)):
        if record[0] != seq + 1:
            raise _wrong(table, f"row {seq + 1} is missing", "it", f"row {record[0]}")
        stored = dict(zip(table.columns, record[2:], strict=True))
        seq, digest = seq + 1, link(digest, seq + 1, stored)
        if digest != record[1]:
            which = f"row {seq} ({next(iter(stored.values()))}) was changed or is out of place"
            raise _wrong(table, which, f"hash {_hex(record[1])}", _hex(digest))
        _compare(table, seq, digest, noted)
    query = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    (given,) = connection.execute(query, (table.name,)).fetchone() or (seq,)
    last = max([given, *(at for at, _ in noted)])
    if last > seq:
        raise _wrong(table, f"row {seq + 1} is missing", f"rows up to {last}", f"{seq}")
    return seq, digest


def _total(connection: sqlite3.Connection, table: JournalTable, after: int) -> int:
    (last,) = connection.execute(f"SELECT ifnull(max(seq), 0) FROM {table.name}").fetchone()
    return max(0, int(last) - after)


def _compare(table: JournalTable, seq: int, digest: bytes, noted: list[Head]) -> None:
    for at, expected in noted:
        if at == seq and expected != digest:
            which = f"row {seq} differs from the head of an earlier check"
            raise _wrong(table, which, f"hash {expected.hex()}", digest.hex())


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)


def _wrong(table: JournalTable, what: str, expected: str, received: str) -> JournalError:
    return JournalError(
        f"the journal's {table.name} are not as they were written: {what}. "
        f"Expected {expected}, received {received}."
    )
