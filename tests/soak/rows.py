"""Rows of journals and result files, read without partsight."""

from __future__ import annotations

import contextlib
import csv
import json
import sqlite3
from pathlib import Path

from tests.soak.evidence import Row

__all__ = ["file_rows", "journal_rows"]

_COLUMNS = ("id", "seq", "part_id", "verdict", "model", "picture")


def journal_rows(path: Path) -> list[Row]:
    """Return the verdicts of a journal in order of ``seq``; none if it cannot be read."""
    query = f"SELECT {', '.join(_COLUMNS)} FROM verdicts ORDER BY seq"
    with (
        contextlib.suppress(sqlite3.DatabaseError),
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection,
    ):
        return [dict(zip(_COLUMNS, record, strict=True)) for record in connection.execute(query)]
    return []


def file_rows(path: Path) -> list[Row]:
    """Return the rows of a CSV or JSON lines file; lines that are none are ignored."""
    text = path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".csv":
        rows = csv.DictReader(line for line in text.replace("\r", "\n").split("\n") if line)
        return [row for row in rows if row.get("id") and row.get("verdict")]
    found = []
    for line in text.split("\n"):
        with contextlib.suppress(ValueError):
            found.append(json.loads(line[line.find("{") :]))
    return found
