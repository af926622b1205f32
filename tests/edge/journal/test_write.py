"""Appended rows are stored in order and unchanged."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.errors import OutputError
from partsight.journal import Journal, Selection, read_rows, select, verify
from partsight.journal.schema import EVENTS, VERDICTS
from partsight.records import PartResult, Verdict, inspected_at

WHEN = datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc)


def test_the_columns_are_those_of_a_part(make_row) -> None:
    assert list(VERDICTS.row_columns) == list(make_row(1))


def test_rows_are_read_as_they_were_written(tmp_path: Path, make_row) -> None:
    rows = [
        make_row(1),
        make_row(2, verdict=Verdict.REJECT.value, part_id=None, tile=None),
        PartResult(
            "id", WHEN, "cam", 3, "f" * 64, Verdict.REJECT, -0.0, "lens cap", error="lens cap"
        ).row(),
    ]
    with Journal(tmp_path / "new" / "journal.db") as journal:
        seqs = [journal.append(row) for row in rows]
        read = read_rows(journal.path)

    assert seqs == [1, 2, 3]
    assert read == [{"seq": seq, **row} for seq, row in zip(seqs, rows, strict=True)]
    assert [list(row) for row in read] == [["seq", *rows[0]]] * 3


texts = st.none() | st.text(st.characters(codec=None, exclude_categories=()))
reals = st.none() | st.floats(allow_nan=False)
numbers = st.none() | st.integers(-(2**63), 2**63 - 1)
jsons = st.none() | st.recursive(
    st.booleans() | st.floats(allow_nan=False) | st.integers() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KINDS = {"text": texts, "real": reals, "integer": numbers, "json": jsons}
any_rows = st.fixed_dictionaries({name: KINDS[kind] for name, kind in VERDICTS.columns.items()})


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(any_rows, min_size=1, max_size=5))
def test_any_row_is_read_back_and_verified(tmp_path_factory, rows: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("any") / "journal.db"
    with Journal(path) as journal:
        for row in rows:
            journal.append(row)
        head = journal.head()

    times = [inspected_at(row["id"]) for row in rows]
    expected = [
        {"seq": seq, **row, "inspected_at": time}
        for seq, (row, time) in enumerate(zip(rows, times, strict=True), 1)
    ]
    assert (read_rows(path) == expected) is True  # no comparison in text: rows may be long
    assert verify(path, head).rows == {"verdicts": len(rows), "events": 0}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"colour": "red"}, r"no columns like these. Received: \['colour'\]"),
        ({"label": 3}, "must be text. Received: 3"),
        ({"score": "high"}, "cannot be stored"),
        ({"scores": {"a": object()}}, "cannot be stored"),
        ({"frame": 2**63}, "cannot be stored"),
    ],
)
def test_a_row_of_another_shape_is_refused_and_nothing_is_broken(
    tmp_path: Path, make_row, columns: dict[str, Any], message: str
) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        with pytest.raises(ValueError, match=message):
            journal.append(make_row(1, **columns))
        assert journal.append(make_row(2)) == 1


def test_no_number_is_no_value(tmp_path: Path, make_row) -> None:
    """SQLite has no NaN: the hashed values must be the values that are read."""
    with Journal(tmp_path / "journal.db") as journal:
        journal.append(make_row(1, score=float("nan")))

    assert read_rows(journal.path)[0]["score"] is None
    verify(journal.path)


def test_a_reopened_journal_continues(tmp_path: Path, make_row) -> None:
    path = tmp_path / "journal.db"
    for number in range(3):
        with Journal(path) as journal:
            assert journal.append(make_row(number)) == number + 1
            journal.event("started", {"number": number})

    assert [row["frame"] for row in read_rows(path, after=1)] == [1, 2]
    assert verify(path).rows == {"verdicts": 3, "events": 3}


def test_events_have_time_kind_and_detail(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db", now=lambda: WHEN) as journal:
        assert journal.event("model_swapped", {"model": "a" * 64, "by": ["ü", None]}) == 1

        (event,) = select(journal.path, Selection(), EVENTS)

    assert event == {
        "seq": 1,
        "at": "2024-05-06T07:08:09.123+00:00",
        "kind": "model_swapped",
        "detail": {"model": "a" * 64, "by": ["ü", None]},
    }


def test_each_commit_waits_for_the_disk(tmp_path: Path, monkeypatch) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        settings = journal._store.run(
            lambda c: [
                c.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("synchronous", "journal_mode")
            ]
        )
    assert settings == [2, "wal"]


def test_threads_may_append_at_once(tmp_path: Path, make_row) -> None:
    with Journal(tmp_path / "journal.db", checkpoint_rows=7) as journal:
        numbers, seqs = itertools.count(), []

        def work() -> None:
            for _ in range(25):
                seqs.append(journal.append(make_row(next(numbers))))
                journal.event("state", {})

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert sorted(seqs) == list(range(1, 101))
        assert verify(journal.path, journal.head()).rows == {"verdicts": 100, "events": 100}


def test_the_log_does_not_grow_with_the_rows(tmp_path: Path, make_row) -> None:
    """It is copied into the database every few rows, by a thread of its own."""
    with Journal(tmp_path / "journal.db", checkpoint_rows=10) as journal:
        for number in range(1000):
            journal.append(make_row(number))
        log = (tmp_path / "journal.db-wal").stat().st_size

    assert log < 6_000_000  # 12 MB without


def test_the_log_has_its_size_from_the_start(tmp_path: Path, make_row) -> None:
    """While a file grows, each commit waits for the file system's own log too."""
    log = tmp_path / "journal.db-wal"
    for _ in range(2):
        with Journal(tmp_path / "journal.db") as journal:
            begun = log.stat().st_size
            for number in range(100):
                journal.append(make_row(number))
            assert log.stat().st_size == begun > 4_000_000
        assert (tmp_path / "journal.db").stat().st_size < 300_000


def test_a_waiting_thread_is_woken(tmp_path: Path, make_row) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        assert not journal.wait(0, 0)
        waiter = threading.Timer(0, lambda: journal.append(make_row(1)))
        waiter.start()
        assert journal.wait(0, 30)
        waiter.join()
        assert not journal.wait(1, 0)


def test_a_closed_journal_refuses_rows(tmp_path: Path, make_row) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        pass
    with pytest.raises(OutputError, match="it was closed"):
        journal.append(make_row(1))


def test_a_link_leads_to_the_same_journal(tmp_path: Path, make_row) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "journal.db"
    link.symlink_to(tmp_path / "disk" / "journal.db")
    with Journal(link) as journal:
        journal.append(make_row(1))
        with pytest.raises(OutputError, match="another process writes it"):
            Journal(tmp_path / "disk" / "journal.db")
        assert len(read_rows(link)) == len(read_rows(journal.path)) == 1
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["journal.db"]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.commit()
    connection.close()
    before = path.read_bytes()

    with pytest.raises(OutputError, match="a database of another program"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=2")
    connection.close()

    with pytest.raises(OutputError, match="received version 2. Upgrade partsight"):
        Journal(path)


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        ({}, (1, 20)),
        ({"keep_rows": 5}, (16, 20)),
        ({"keep_rows": 5, "delivered": 3}, (4, 20)),
        ({"keep_rows": 5, "delivered": 0}, (1, 20)),
        ({"keep_rows": 50}, (1, 20)),
        ({"aged": {"verdicts": 10}}, (11, 20)),
        ({"aged": {"verdicts": 10}, "keep_rows": 3}, (18, 20)),
        ({"aged": {"verdicts": 99}}, None),
    ],
)
def test_pruning(tmp_path: Path, make_row, kept: dict[str, Any], left: Any) -> None:
    """Of twenty rows; the chain verifies, and goes on."""
    with Journal(tmp_path / "journal.db", now=lambda: WHEN) as journal:
        for number in range(20):
            journal.append(make_row(number))
        head = journal.head()

        pruned = journal.prune(**kept)

        rows = read_rows(journal.path)
        assert pruned == 20 - len(rows)
        assert ((rows[0]["seq"], rows[-1]["seq"]) if rows else None) == left
        assert journal.head() == head
        assert verify(journal.path, head).pruned["verdicts"] == pruned
        assert journal.append(make_row(99)) == 21
        assert journal.prune(**kept) >= 0
    with Journal(journal.path) as journal:
        assert journal.append(make_row(100)) == 22
    verify(journal.path)


def test_events_are_as_many_as_verdicts_at_most(tmp_path: Path, make_row) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        for number in range(20):
            journal.append(make_row(number))
            journal.event("shadow", {"number": number})
        journal.prune(keep_rows=5, delivered=0)
        rest = [event["seq"] for event in select(journal.path, Selection(), EVENTS)]
        found = verify(journal.path)

    # The event about the pruning came last.
    assert rest == list(range(16, 22))
    assert found.pruned == {"verdicts": 0, "events": 15}


def test_pruning_portion_by_portion_leaves_a_sound_chain_each_time(
    tmp_path: Path, make_row, monkeypatch
) -> None:
    """As a kill in the middle would leave it; events go by age too, those about pruning also."""
    import partsight.journal.prune as module

    monkeypatch.setattr(module, "_PORTION", 2)
    ticks = itertools.count()
    with Journal(
        tmp_path / "journal.db", now=lambda: WHEN + timedelta(hours=next(ticks))
    ) as journal:
        delete, lengths = journal._store.run, []

        def deleting(work: Any) -> Any:
            result = delete(work)
            lengths.append(verify(journal.path).rows["verdicts"])
            return result

        for number in range(10):
            captured = WHEN + timedelta(hours=number)
            journal.append(make_row(number, captured_at=captured.isoformat()))
            journal.event("state", {})
        monkeypatch.setattr(journal._store, "run", deleting)
        for last in (6, 9):
            journal.prune(aged={"verdicts": last, "events": last})

    assert {10, 8, 6, 4} <= set(lengths)
    assert verify(journal.path).pruned["events"] > 5
