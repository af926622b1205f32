"""Any single change of a journal is detected, and the first wrong row named."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.errors import JournalError
from partsight.journal import Journal, verify
from partsight.journal.schema import EVENTS, VERDICTS

ROWS = 6
TABLES = {table.name: table for table in (VERDICTS, EVENTS)}


@pytest.fixture
def path(tmp_path: Path, make_row) -> Path:
    with Journal(tmp_path / "journal.db") as journal:
        for number in range(ROWS):
            journal.append(make_row(number))
            journal.event("state", {"number": number})
    return journal.path


def test_anybody_can_compute_the_chain(path: Path) -> None:
    """As ``chain`` documents it, without a line of partsight."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    (journal_id,) = connection.execute("SELECT id FROM journal").fetchone()
    digest = hashlib.sha256(f"partsight journal {journal_id} verdicts".encode()).digest()
    for row in map(dict, connection.execute("SELECT * FROM verdicts ORDER BY seq")):
        stored = row.pop("hash")
        text = json.dumps(row, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(digest + text.encode("ascii")).digest()
        assert digest == stored
    assert verify(path).head == (ROWS, digest.hex())


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_an_intact_journal_is_verified(path: Path) -> None:
    verified = verify(path)

    assert verified.rows == {"verdicts": ROWS, "events": ROWS}
    assert verified.pruned == {"verdicts": 0, "events": 0}
    assert verify(path, verified.head) == verified
    with Journal(path) as journal:
        assert journal.head() == verified.head


SWAP = "UPDATE verdicts SET seq = seq + 100 WHERE seq IN (2, 3)"


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["UPDATE verdicts SET verdict = 'accepted' WHERE seq = 3"], "verdicts .*: row 3 .*change"),
        (["UPDATE verdicts SET score = 0.75000001 WHERE seq = 1"], "row 1 .* was changed"),
        (["UPDATE verdicts SET part_id = NULL WHERE seq = 6"], "row 6 .* was changed"),
        (["UPDATE verdicts SET label = CAST(label AS BLOB) WHERE seq = 2"], "row 2 .*changed"),
        (["UPDATE verdicts SET label = CAST(x'ff' AS TEXT) WHERE seq = 2"], "row 2 .*changed"),
        (["UPDATE verdicts SET scores = replace(scores, ' ', '') WHERE seq = 2"], "row 2 .*change"),
        (["UPDATE verdicts SET hash = zeroblob(32) WHERE seq = 4"], "row 4 .* was changed"),
        (["UPDATE verdicts SET hash = 'x' WHERE seq = 4"], "row 4 .* was changed"),
        (["DELETE FROM verdicts WHERE seq = 1"], "row 1 is missing"),
        (["DELETE FROM verdicts WHERE seq = 3"], "row 3 is missing"),
        (["DELETE FROM verdicts WHERE seq = 6"], "row 6 is missing"),
        (["DELETE FROM verdicts"], "row 1 is missing"),
        (
            [
                SWAP,
                "UPDATE verdicts SET seq = 2 WHERE seq = 103",
                "UPDATE verdicts SET seq = 3 WHERE seq = 102",
            ],
            "row 2 .* out of place",
        ),
        (["INSERT INTO verdicts (seq, hash) VALUES (7, zeroblob(32))"], "row 7 .* changed"),
        (["UPDATE events SET detail = '{}' WHERE seq = 5"], "events .*: row 5 .* changed"),
        (["DELETE FROM events WHERE seq = 2"], "events .*: row 2 is missing"),
        (["UPDATE journal SET id = 'other'"], "rows up to 0 were removed"),
        (["DELETE FROM journal"], "rows up to 0 were removed"),
        (["DELETE FROM anchors"], "rows up to 0 were removed|row 1 .*changed"),
        (
            [
                "DELETE FROM verdicts WHERE seq < 3",
                "UPDATE anchors SET seq = 2, hash = (SELECT hash FROM verdicts WHERE seq = 3)"
                " WHERE of = 'verdicts'",
            ],
            "rows up to 2 were removed",
        ),
    ],
)
def test_changes_are_detected(path: Path, statements: list[str], message: str) -> None:
    change(path, *statements)
    with pytest.raises(JournalError, match=message) as refusal:
        verify(path)
    assert "\n" not in str(refusal.value)


def test_a_carefully_removed_tail_is_detected_with_a_noted_head(path: Path) -> None:
    head = verify(path).head
    change(
        path,
        "DELETE FROM verdicts WHERE seq > 4",
        "UPDATE sqlite_sequence SET seq = 4 WHERE name = 'verdicts'",
    )
    assert verify(path).rows["verdicts"] == 4
    with pytest.raises(JournalError, match="row 5 is missing. Expected rows up to 6, received 4"):
        verify(path, head)


def test_a_rewritten_journal_is_detected_with_a_noted_head(path: Path, make_row) -> None:
    head = verify(path).head
    path.unlink()
    with Journal(path) as journal:
        for number in range(ROWS + 1):
            journal.append(make_row(number))
    verify(path)
    with pytest.raises(JournalError, match=f"row {ROWS} differs from the head of an earlier check"):
        verify(path, head)


def test_a_pruned_head_cannot_be_compared(path: Path) -> None:
    noted = []
    with Journal(path) as journal:
        for row in sqlite3.connect(path).execute("SELECT seq, hash FROM verdicts"):
            noted.append((row[0], row[1].hex()))
        journal.prune(keep_rows=2)
    for head in noted[3:]:
        verify(path, head)
    with pytest.raises(
        JournalError, match="cannot compare with the row 3 of --expect: the row was pruned"
    ):
        verify(path, noted[2])


def test_pruned_rows_are_accounted_for(path: Path) -> None:
    with Journal(path) as journal:
        journal.prune(keep_rows=2)
    change(path, "UPDATE anchors SET hash = zeroblob(32) WHERE of = 'verdicts'")
    with pytest.raises(JournalError, match="row 4 differs from the head of an earlier check"):
        verify(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    row = {name: None for name in VERDICTS.columns} | {"id": "x", "score": 0.5, "frame": 1}
    path = tmp_path_factory.mktemp("sound") / "journal.db"
    with Journal(path) as journal:
        for number in range(ROWS):
            journal.append({**row, "frame": number, "source": f"cam{number}"})
            journal.event("state", {"number": number})
    return path


@st.composite
def changes(draw: st.DrawFn) -> Iterator[tuple[str, str, int, object]]:
    table = TABLES[draw(st.sampled_from(sorted(TABLES)))]
    column = draw(st.sampled_from([*table.columns, "hash", "seq"]))
    value = draw(
        st.none()
        | st.text(st.characters(codec="utf-8"))
        | st.integers(-(2**31), 2**31)
        | st.floats(allow_nan=False)
        | st.binary()
    )
    return table.name, column, draw(st.integers(1, ROWS)), value


@settings(max_examples=150, deadline=None)
@given(changed=changes())
def test_any_change_of_a_value_is_found(
    sound: Path, tmp_path_factory: pytest.TempPathFactory, changed
) -> None:
    table, column, seq, value = changed
    path = tmp_path_factory.mktemp("changed") / "journal.db"
    shutil.copyfile(sound, path)
    connection = sqlite3.connect(path)
    query = f'SELECT "{column}", typeof("{column}") FROM {table} WHERE seq = ?'
    before = connection.execute(query, (seq,)).fetchone()
    try:
        connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE seq = ?', (value, seq))
    except sqlite3.IntegrityError:  # SQLite itself forbids it
        return
    finally:
        connection.commit()
        after = connection.execute(query, (seq,)).fetchone()
        connection.close()
    if before == after:
        verify(path)
        return
    with pytest.raises(JournalError, match=re.escape(table)):
        verify(path)
