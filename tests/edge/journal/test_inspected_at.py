"""Rows are selected and aged by the time of inspection, not by the clock of a camera."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wrong_clock import DAY_S, START_S, Machine

from partsight.journal import Journal, Selection, read_rows, select, verify
from partsight.journal.ages import RowAges, newest_row_s
from partsight.journal.schema import VERDICTS
from partsight.utils.ids import uuid7

START = datetime.fromtimestamp(START_S, timezone.utc)


def row(inspected: datetime, captured: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(round(inspected.timestamp() * 1000)),
        "captured_at": captured.isoformat(timespec="milliseconds"),
    }


@pytest.mark.parametrize("camera_days", [-2000, -20_000, 0, 2000])
def test_rows_are_selected_by_the_time_of_the_inspection(tmp_path: Path, camera_days: int) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        for hours in range(5):
            inspected = START + timedelta(hours=hours)
            journal.append(row(inspected, inspected + timedelta(days=camera_days)))
    selection = Selection(since=START + timedelta(hours=1), until=START + timedelta(hours=3))
    found = list(select(journal.path, selection))
    assert [each["seq"] for each in found] == [2, 3]
    assert [each["inspected_at"] for each in found] == [
        (START + timedelta(hours=hours)).isoformat(timespec="milliseconds") for hours in (1, 2)
    ]


@settings(deadline=None, max_examples=30)
@given(inspected_ms=st.integers(0, 250_000_000_000_000), before_ms=st.integers(-1000, 1000))
def test_the_limit_of_a_selection_is_exact(
    tmp_path_factory: pytest.TempPathFactory, inspected_ms: int, before_ms: int
) -> None:
    """SQL computes the time from the digits of the id."""
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    inspected = epoch + timedelta(milliseconds=inspected_ms)
    since = epoch + timedelta(milliseconds=max(0, inspected_ms - before_ms))
    with Journal(tmp_path_factory.mktemp("exact") / "journal.db") as journal:
        journal.append(row(inspected, START))
    assert len(list(select(journal.path, Selection(since=since)))) == (since <= inspected)
    assert len(list(select(journal.path, Selection(until=since)))) == (since > inspected)


@pytest.mark.parametrize("name", ["id-3", None])
def test_a_row_without_a_time_in_its_id_has_the_time_of_capture(
    tmp_path: Path, name: str | None
) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append({**row(START, START), "id": name})
    (found,) = select(journal.path, Selection(since=START, until=START + timedelta(seconds=1)))
    assert found["inspected_at"] is None


def test_a_row_from_an_old_file_is_not_deleted_for_its_age(tmp_path: Path) -> None:
    """The first note of the ages comes after the rows: they are dated by their own times."""
    machine = Machine(tmp_path / "clock")
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        for _ in range(3):
            journal.append(row(START, START - timedelta(days=400)))
        ages = RowAges(path, machine.start(newest_s=newest_row_s(path)), keep_days=30)
        journal.prune(aged=ages.aged())
        assert len(read_rows(path)) == 3
        machine.true_s += 31 * DAY_S
        journal.prune(aged=ages.aged())
        assert len(read_rows(path)) == 0


def test_a_journal_of_an_older_version_gets_the_index(tmp_path: Path, make_row: Callable) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        journal.append(make_row(1))
    with sqlite3.connect(path) as older:
        older.execute("DROP INDEX verdicts_by_inspection")
        older.execute("CREATE INDEX verdicts_by_time ON verdicts (julianday(captured_at))")
    older.close()
    since = Selection(since=START - timedelta(days=10_000))
    assert len(list(select(path, since))) == 1  # read before the line writes again
    with Journal(path) as journal:
        journal.append(make_row(2))
    reader = sqlite3.connect(path)
    indexes = {name for (name,) in reader.execute("SELECT name FROM sqlite_master")}
    query = f"SELECT seq FROM verdicts WHERE {VERDICTS.julian_day} > 0"
    plan = str(reader.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())
    reader.close()
    assert "verdicts_by_inspection" in indexes
    assert "verdicts_by_time" not in indexes
    assert "verdicts_by_inspection" in plan
    assert len(list(select(path, since))) == 2
    verify(path)
