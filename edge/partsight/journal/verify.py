"""Whether a journal is as it was written: both chains from their anchors to their ends.

Enters: a path, and perhaps a noted head. Leaves: what was checked, or the first row that is
wrong. ``partsight journal verify`` calls it.
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
from partsight.journal.schema import TABLES, VERDICTS, Table
from partsight.journal.store import Head
from partsight.utils.progress import Progress, silent

__all__ = ["Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found sound.

    Attributes:
        rows: by table, how many rows there are.
        pruned: by table, the last row that was pruned; 0 where none was.
        head: of the verdicts, to be noted: seq and hexadecimal hash.
    """

    rows: dict[str, int]
    pruned: dict[str, int]
    head: tuple[int, str]


def verify(
    path: Path, expect: tuple[int, str] | None = None, progress: Progress = silent
) -> Verified:
    """Check every row of a journal.

    Args:
        path: the journal; the line may write it meanwhile.
        expect: a head that was noted: seq and hexadecimal hash. Only with it is a missing tail,
            or a journal that was written anew as a whole, found for certain.
        progress: told of each row.

    Raises:
        JournalError: a row was changed, or is missing or out of its place; the first is named.
    """
    rows, anchors, heads = {}, {}, {}
    with reading(path) as connection:
        # A changed text may be no text: that, too, is to be told by the row.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        # One moment for all: rows may be pruned meanwhile.
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
            f"cannot compare with the noted row {expect[0]}: it was pruned. "
            f"Expected one from {anchor[0]} on."
        )
    return expect[0], bytes.fromhex(expect[1])


def _stated(connection: sqlite3.Connection) -> dict[str, Head]:
    """By table up to which row it was pruned, as the last event about that says."""
    query = "SELECT detail FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1"
    found = connection.execute(query, (PRUNED,)).fetchone()
    try:
        detail = json.loads(found[0]) if found else {}
        return {name: (int(at["seq"]), bytes.fromhex(at["hash"])) for name, at in detail.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}  # it was changed: its own chain tells


def _anchor(connection: sqlite3.Connection, table: Table, stated: Head | None) -> Head:
    """Where the table's chain begins, if that is as it must be."""
    query = "SELECT seq, hash FROM anchors WHERE of = ?"
    found: Head = connection.execute(query, (table.name,)).fetchone() or (0, b"")
    (journal_id,) = connection.execute("SELECT id FROM journal").fetchone() or ("",)
    begin = (0, genesis(journal_id, table.name))
    sound = found == begin if found[0] == 0 else stated is not None and found[0] <= stated[0]
    if not sound:
        raise _wrong(
            table, f"the rows up to {found[0]} were taken away", "an event that says so", "none"
        )
    return found


def _walk(
    connection: sqlite3.Connection,
    table: Table,
    anchor: Head,
    noted: list[Head],
    progress: Progress,
) -> Head:
    """Compute the chain from its anchor; its end."""
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


def _total(connection: sqlite3.Connection, table: Table, after: int) -> int:
    (last,) = connection.execute(f"SELECT ifnull(max(seq), 0) FROM {table.name}").fetchone()
    return max(0, int(last) - after)


def _compare(table: Table, seq: int, digest: bytes, noted: list[Head]) -> None:
    for at, expected in noted:
        if at == seq and expected != digest:
            which = f"row {seq} is not the one that was noted"
            raise _wrong(table, which, f"hash {expected.hex()}", digest.hex())


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)


def _wrong(table: Table, what: str, expected: str, received: str) -> JournalError:
    return JournalError(
        f"the journal's {table.name} are not as they were written: {what}. "
        f"Expected {expected}, received {received}."
    )
