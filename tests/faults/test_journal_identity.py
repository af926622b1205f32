"""A journal whose files are moved, removed or replaced while the line writes it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.test_journal_faults import damage, let_go, row

from partsight.errors import OutputError
from partsight.journal import Journal, read_events, read_rows, verify
from partsight.telemetry.telemetry import Telemetry


def ids(*paths: Path) -> list[str]:
    """The ids of the verdicts in some journals, without repeated ones."""
    found = (each["id"] for path in paths for each in read_rows(path))
    return list(dict.fromkeys(found))


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("old.db"))


def move_with_log(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).rename(path.with_name("old.db" + ending))


def remove_all(path: Path) -> None:
    for each in path.parent.iterdir():
        each.unlink()


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def remove_log(path: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def replace_by_backup(path: Path) -> None:
    """As 'mv backup.db journal.db', with a log of its own."""
    other = path.with_name("backup.db")
    with Journal(other) as backup:
        backup.append(row(90))
    other.replace(path)


@pytest.mark.parametrize(
    ("happen", "kept"),
    [
        (remove, "saved"),
        (move, "old.db"),
        (move_with_log, "old.db"),
        (remove_all, "saved"),
        (remove_folder, "saved"),
        (remove_log, None),
        (replace_by_backup, "saved"),
    ],
)
def test_every_acknowledged_verdict_is_in_a_file(
    tmp_path: Path, happen: Callable[[Path], None], kept: str | None
) -> None:
    path, telemetry = tmp_path / "line" / "journal.db", Telemetry()
    with Journal(path, telemetry, checkpoint_rows=3) as journal:
        for number in range(5):
            journal.append(row(number))
        happen(path)
        for number in range(5, 10):
            journal.append(row(number))
        assert telemetry.states()["journal"].name == "writing"

    others = [] if kept is None else [each for each in path.parent.iterdir() if kept in each.name]
    databases = [each for each in others if not each.name.endswith(("-wal", "-shm"))]
    assert len(databases) == (kept is not None)
    expected = {str(row(number)["id"]) for number in range(10)}
    assert expected <= set(ids(path, *databases))
    for each in (path, *databases):
        verify(each)
        assert each.stat().st_mode & 0o777 <= 0o640
    (event,) = [each for each in read_events(path) if each["kind"] == "journal_displaced"]
    assert event["detail"]["file"] == (databases[0].name if kept == "saved" else None)


def test_a_new_journal_keeps_its_log_when_the_old_connection_is_closed(tmp_path: Path) -> None:
    """SQLite deletes a log by its name with the last connection, also one of another database."""
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        journal.append(row(1))
        path.unlink()
        journal.append(row(2))
        assert path.with_name("journal.db-wal").exists()
        copy = tmp_path / "copy"
        copy.mkdir()
        for each in tmp_path.glob("journal.db*"):
            if each.is_file():
                shutil.copy(each, copy)
        assert ids(copy / "journal.db") == [str(row(2)["id"])]


def test_a_log_without_its_journal_is_moved_aside_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    program = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from partsight.journal import Journal; from test_journal_faults import row\n"
        "journal = Journal(Path(sys.argv[1]), checkpoint_rows=10**6)\n"
        "for number in range(20): journal.append(row(number))\n"
        "os._exit(0)"
    )
    command = [sys.executable, "-c", program, str(path), str(Path(__file__).parent)]
    subprocess.run(command, check=True, timeout=60)
    log = path.with_name("journal.db-wal")
    content = log.read_bytes()
    path.unlink()

    with Journal(path) as journal:
        journal.append(row(50))
    (kept,) = tmp_path.glob("journal.db-wal.orphaned-*")
    assert kept.read_bytes() == content
    (event,) = [each for each in read_events(path) if each["kind"] == "journal_damaged"]
    assert event["detail"]["file"] == kept.name


def test_a_second_writer_is_refused_without_the_lock_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        journal.append(row(1))
        path.with_name("journal.db.lock").unlink()
        with pytest.raises(OutputError, match="another process writes it"):
            Journal(path)
        journal.append(row(2))
    assert len(ids(path)) == 2


@pytest.mark.parametrize("kind", ["text", "header", "pages"])
def test_no_verdict_is_lost_when_a_journal_is_damaged_during_a_checkpoint(
    tmp_path: Path, kind: str
) -> None:
    """The thread that copies the log must not delete the log of the new journal."""
    path = tmp_path / "journal.db"
    for attempt in range(5):
        with Journal(path, checkpoint_rows=1) as journal:
            for number in range(20):
                journal.append(row(number))
            let_go(journal)
            damage(path, kind)
            for number in range(20, 40):
                journal.append(row(number))
            copy = tmp_path / f"copy{attempt}"
            copy.mkdir()
            for each in ("journal.db", "journal.db-wal"):
                shutil.copy(tmp_path / each, copy)
            # As after a power cut: acknowledged rows are in the files of this moment.
            assert set(ids(copy / "journal.db")) == {f"id{number}" for number in range(20, 40)}
        verify(path)
        path.unlink()


def test_a_reader_does_not_keep_rows_out_of_a_moved_journal(tmp_path: Path) -> None:
    """The log cannot be copied as a whole while a reader is at an older state of it."""
    path = tmp_path / "journal.db"
    with Journal(path, checkpoint_rows=10**6) as journal:
        journal.append(row(0))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM verdicts").fetchone()
            for number in range(1, 5):
                journal.append(row(number))
            path.rename(tmp_path / "old.db")
            journal.append(row(5))
    kept = [each for each in tmp_path.glob("journal.db.saved-*") if each.name[-1] == "Z"]
    assert {f"id{number}" for number in range(6)} <= set(ids(path, *kept))


def test_the_log_of_a_journal_that_cannot_be_saved_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("partsight.journal.store.copy_database", refuse)
    path = tmp_path / "journal.db"
    with Journal(path, checkpoint_rows=10**6) as journal:
        journal.append(row(1))
        replace_by_backup(path)
        journal.append(row(2))
    assert ids(path) == ["id90", "id2"]
    assert [each.stat().st_size > 0 for each in tmp_path.glob("journal.db-wal.orphaned-*")] == [
        True
    ]
    assert "cannot be saved: [Errno 28] No space left on device" in caplog.text
    verify(path)
