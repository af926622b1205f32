"""Tables of the journal's database, and conversion of rows to stored values and back.

SQLite returns stored values unchanged; the hash chain is computed over them. Writing, reading and
verifying all use this module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from partsight.errors import UnreadableRow
from partsight.records import inspected_at
from partsight.utils.redaction import redact_values

__all__ = [
    "APPLICATION_ID",
    "DDL",
    "EVENTS",
    "INDEXES",
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
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogatepass")
    return _of_type(value, str)


def _from_real(value: Any) -> Any:
    return _of_type(value, float)


def _from_integer(value: Any) -> Any:
    return _of_type(value, int)


def _from_json(value: Any) -> Any:
    return None if value is None else json.loads(_of_type(value, str))


def _of_type(value: Any, kind: type) -> Any:
    """Return a stored value. SQLite would store a value of any type in any column."""
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"expected {kind.__name__}, received {type(value).__name__}")
    return value


@dataclass(frozen=True, slots=True)
class _Kind:
    sql: str
    store: Callable[[Any], Any]
    load: Callable[[Any], Any]


_KINDS = {
    "text": _Kind("TEXT", _text, _from_text),
    "real": _Kind("REAL", _real, _from_real),
    "integer": _Kind("INTEGER", _integer, _from_integer),
    "json": _Kind("TEXT", _json, _from_json),
}


@dataclass(frozen=True, slots=True)
class JournalTable:
    """A table of the journal. In addition to its columns it has ``seq``, from 1, and ``hash``.

    Attributes:
        name: in the database.
        columns: name to kind, in the order of rows.
        julian_day: expression of the time of a row as a Julian day, computed from milliseconds as
            SQLite does, so that it can be compared with ``julianday(text)``.
        derived: columns of rows that are computed from the stored ones.
        messages: columns that may quote an address or a library. Secrets in them are redacted
            before the chain makes them permanent, and again when an older journal is read.
    """

    name: str
    columns: Mapping[str, str]
    julian_day: str
    derived: Mapping[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    messages: tuple[str, ...] = ()

    @property
    def row_columns(self) -> tuple[str, ...]:
        """Columns of a row, in their order."""
        return (*self.columns, *self.derived)

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
        """Return the values to store for a row; missing columns are None, derived ones left out.

        Raises:
            ValueError: the row has an unknown column, or a value of another type.
        """
        unknown = sorted(row.keys() - self.columns.keys() - self.derived.keys())
        if unknown:
            raise ValueError(f"a row of {self.name} has no columns like these. Received: {unknown}")
        try:
            return {
                name: _KINDS[kind].store(self._public(name, row.get(name)))
                for name, kind in self.columns.items()
            }
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"a row of {self.name} cannot be stored: {error}") from error

    def load(self, record: tuple[Any, ...]) -> dict[str, Any]:
        """Return the row of a record of ``select``, with its ``seq``.

        Raises:
            UnreadableRow: a value is damaged.
        """
        row = {"seq": record[0]}
        for (name, kind), value in zip(self.columns.items(), record[2:], strict=True):
            try:
                row[name] = self._public(name, _KINDS[kind].load(value))
            except (ValueError, RecursionError) as error:
                reason = f"column {name}: {error}"
                raise UnreadableRow(self.name, record[0], row.get("id"), reason) from error
        return row | {name: derive(row) for name, derive in self.derived.items()}

    def _public(self, name: str, value: Any) -> Any:
        return redact_values(value) if name in self.messages else value


# The first 12 hexadecimal digits of a UUID of version 7, milliseconds. SQL has no function for it.
_ID_MS = " + ".join(
    f"(instr('0123456789abcdef', substr(id, {at}, 1)) - 1) * {16**power}"
    for power, at in zip(range(11, -1, -1), (*range(1, 9), *range(10, 14)), strict=True)
)
# Milliseconds of 1970-01-01 since the beginning of Julian days.
_EPOCH_MS = 210_866_760_000_000
# Of the inspection: the time of capture is by the clock of a camera or file, which may be wrong.
_INSPECTED = (
    f"CASE WHEN substr(id, 15, 1) = '7' THEN ({_EPOCH_MS} + {_ID_MS}) / 86400000.0 "
    "ELSE julianday(captured_at) END"
)

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
    julian_day=_INSPECTED,
    derived={"inspected_at": lambda row: inspected_at(row["id"])},
    messages=("source", "reason", "error"),
)

EVENTS = JournalTable(
    "events",
    {"at": "text", "kind": "text", "detail": "json"},
    julian_day="julianday(at)",
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


# Executed for each journal that is opened for writing: version 0.1 had another index by time.
INDEXES = (
    "DROP INDEX IF EXISTS verdicts_by_time",
    f"CREATE INDEX IF NOT EXISTS verdicts_by_inspection ON verdicts ({_INSPECTED})",
)
DDL = (
    "CREATE TABLE journal (id TEXT NOT NULL)",
    # Start of each chain: the last pruned row, at first the genesis.
    "CREATE TABLE anchors (of TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL)",
    *map(_create, TABLES),
    # Costs nothing for lines without part ids.
    "CREATE INDEX verdicts_by_part ON verdicts (part_id) WHERE part_id IS NOT NULL",
)
