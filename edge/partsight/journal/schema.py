"""Tables of the journal's database, and conversion of rows to stored values and back.

SQLite returns stored values unchanged; the hash chain is computed over them. Writing, reading and
verifying all use this module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from partsight.utils.redaction import redact_values

__all__ = [
    "APPLICATION_ID",
    "DDL",
    "EVENTS",
    "SCHEMA",
    "TABLES",
    "VERDICTS",
    "JournalTable",
    "Stored",
]

# "PSJL" in the header, which distinguishes a journal from another program's database.
APPLICATION_ID = 0x50534A4C
SCHEMA = 1

Stored = dict[str, "str | float | int | bytes | None"]


def _text(value: Any) -> str | bytes | None:
    """Return text; as bytes if it has surrogates, as paths that are not UTF-8 may."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"must be text. Received: {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return str(value)


def _real(value: Any) -> float | None:
    """Return a float as SQLite stores it: without NaN and negative zero."""
    return None if value is None or value != value else float(value) + 0.0


def _integer(value: Any) -> int | None:
    if value is not None and not -(2**63) <= value < 2**63:
        raise ValueError(f"must fit 64 bits. Received: {value!r}")
    return None if value is None else int(value)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _from_text(value: Any) -> Any:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def _from_json(value: Any) -> Any:
    return None if value is None else json.loads(value)


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class _Kind:
    sql: str
    store: Callable[[Any], Any]
    load: Callable[[Any], Any]


_KINDS = {
    "text": _Kind("TEXT", _text, _from_text),
    "real": _Kind("REAL", _real, _as_it_is),
    "integer": _Kind("INTEGER", _integer, _as_it_is),
    "json": _Kind("TEXT", _json, _from_json),
}


@dataclass(frozen=True, slots=True)
class JournalTable:
    """A table of the journal. In addition to its columns it has ``seq``, from 1, and ``hash``.

    Attributes:
        name: in the database.
        columns: name to kind, in the order of rows.
        time: the column with the time of a row.
        messages: columns that may quote an address or a library. Secrets in them are redacted
            before the chain makes them permanent, and again when an older journal is read.
    """

    name: str
    columns: Mapping[str, str]
    time: str
    messages: tuple[str, ...] = ()

    @property
    def select(self) -> str:
        """Beginning of a query for whole rows: seq, hash and the columns."""
        return f'SELECT seq, hash, {", ".join(map(_quoted, self.columns))} FROM "{self.name}"'

    @property
    def insert(self) -> str:
        """Statement that inserts seq, hash and the columns."""
        names = ", ".join(map(_quoted, self.columns))
        marks = ", ".join("?" * (len(self.columns) + 2))
        return f'INSERT INTO "{self.name}" (seq, hash, {names}) VALUES ({marks})'

    def store(self, row: Mapping[str, Any]) -> Stored:
        """Return the values to store for a row; missing columns are None.

        Raises:
            ValueError: the row has an unknown column, or a value of another type.
        """
        if not row.keys() <= self.columns.keys():
            unknown = sorted(row.keys() - self.columns.keys())
            raise ValueError(f"a row of {self.name} has no columns like these. Received: {unknown}")
        try:
            return {
                name: _KINDS[kind].store(self._public(name, row.get(name)))
                for name, kind in self.columns.items()
            }
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"a row of {self.name} cannot be stored: {error}") from error

    def load(self, record: tuple[Any, ...]) -> dict[str, Any]:
        """Return the row of a record of ``select``, with its ``seq``."""
        row = {"seq": record[0]}
        for (name, kind), value in zip(self.columns.items(), record[2:], strict=True):
            row[name] = self._public(name, _KINDS[kind].load(value))
        return row

    def _public(self, name: str, value: Any) -> Any:
        return redact_values(value) if name in self.messages else value


VERDICTS = JournalTable(
    "verdicts",
    {
        "id": "text",
        "captured_at": "text",
        "part_id": "text",
        "trigger": "text",
        "source": "text",
        "frame": "integer",
        "label": "text",
        "score": "real",
        "scores": "json",
        "tile": "json",
        "verdict": "text",
        "reason": "text",
        "accept_above": "real",
        "reject_below": "real",
        "latency_ms": "real",
        "stages_ms": "json",
        "frame_age_ms": "real",
        "model": "text",
        "model_version": "text",
        "picture": "text",
        "error": "text",
    },
    time="captured_at",
    messages=("source", "reason", "error"),
)

EVENTS = JournalTable(
    "events",
    {"at": "text", "kind": "text", "detail": "json"},
    time="at",
    messages=("detail",),
)

TABLES = (VERDICTS, EVENTS)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _create(table: JournalTable) -> str:
    columns = ", ".join(f'"{name}" {_KINDS[kind].sql}' for name, kind in table.columns.items())
    return (
        f'CREATE TABLE "{table.name}" '
        f"(seq INTEGER PRIMARY KEY AUTOINCREMENT, {columns}, hash BLOB NOT NULL)"
    )


DDL = (
    "CREATE TABLE journal (id TEXT NOT NULL)",
    # Start of each chain: the last pruned row, at first the genesis.
    "CREATE TABLE anchors (of TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL)",
    *map(_create, TABLES),
    # By instant, independent of the time zone in the text.
    "CREATE INDEX verdicts_by_time ON verdicts (julianday(captured_at))",
    # Costs nothing for lines without part ids.
    "CREATE INDEX verdicts_by_part ON verdicts (part_id) WHERE part_id IS NOT NULL",
)
