"""Faults of the disk and of the line's files."""

from __future__ import annotations

import contextlib
import functools
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping

from tests.soak.plan import Fault
from tests.soak.rig import Rig
from tests.soak.rows import file_rows

__all__ = ["FAULTS"]

Act = Callable[[Rig, Fault], None]
# The line checks at least once per second that a name still leads to its file.
_NOTICED_S = 1.5


def _disk_full(rig: Rig, fault: Fault) -> None:
    at_s, before = time.monotonic(), rig.unrecorded()
    rig.disk.fill(rig.line.pid)
    time.sleep(fault.seconds)
    rig.disk.free(rig.line.pid)
    time.sleep(_NOTICED_S)
    rig.gap("journal", at_s - 0.5, rig.unrecorded() - before, "disk full, counted as unrecorded")
    # The oldest images are removed to make room, so any earlier one may be missing.
    rig.gap("pictures", 0.0, None, "disk full")


def _journal_copied(rig: Rig, name: str) -> None:
    """Keep what a journal has now, by SQLite's online backup."""
    copy = rig.folder / "aside" / name
    with (
        contextlib.closing(sqlite3.connect(f"file:{rig.journal}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    rig.aside.append(copy)


def _journal_removed(rig: Rig, fault: Fault) -> None:
    _journal_copied(rig, f"removed-{fault.at_s}.db")
    for each in _journal_files(rig):
        each.unlink()
    rig.replaced_journals += 1
    time.sleep(fault.seconds)


def _journal_moved(rig: Rig, fault: Fault) -> None:
    """Only the database is moved, as by a log rotation; the rows in its -wal stay behind."""
    _journal_copied(rig, f"moved-{fault.at_s}.db")
    rig.journal.rename(rig.data / f"old-{fault.at_s}.db")
    rig.replaced_journals += 1
    time.sleep(fault.seconds)


def _journal_damaged(rig: Rig, fault: Fault) -> None:
    _journal_copied(rig, f"damaged-{fault.at_s}.db")
    size = rig.journal.stat().st_size
    with rig.journal.open("r+b") as file:
        file.seek(size // 4096 // 2 * 4096)
        file.write(b"\xa5" * 4096)
    rig.replaced_journals += 1
    time.sleep(fault.seconds)


def _journal_files(rig: Rig) -> list:
    names = ("journal.db", "journal.db-wal", "journal.db-shm")
    return [rig.data / name for name in names if (rig.data / name).exists()]


def _lock_removed(rig: Rig, fault: Fault) -> None:
    for each in rig.data.glob("*.lock"):
        each.unlink()


def _journal_read(rig: Rig, fault: Fault) -> None:
    """A reader in a long transaction, such as a verify that was stopped by Ctrl-Z."""
    with contextlib.closing(sqlite3.connect(f"file:{rig.journal}?mode=ro", uri=True)) as reader:
        reader.execute("BEGIN")
        with contextlib.suppress(sqlite3.Error):
            reader.execute("SELECT count(*) FROM verdicts").fetchone()
        time.sleep(fault.seconds)


def _file_moved(rig: Rig, fault: Fault, sink: str) -> None:
    newest = rig.data / sink / f"verdicts.{sink}"
    with contextlib.suppress(FileNotFoundError):
        newest.rename(rig.data / sink / f"moved-{fault.at_s}.{sink}")
    time.sleep(fault.seconds)


def _file_removed(rig: Rig, fault: Fault, sink: str) -> None:
    at_s = time.monotonic()
    newest = rig.data / sink / f"verdicts.{sink}"
    with contextlib.suppress(FileNotFoundError):
        rig.taken[sink] += file_rows(newest)
        newest.unlink()
    time.sleep(_NOTICED_S)
    rig.gap(sink, at_s - 0.5, None, "file removed within the last second")
    time.sleep(fault.seconds)


def _folder_removed(rig: Rig, fault: Fault, sink: str) -> None:
    at_s = time.monotonic()
    for each in sorted((rig.data / sink).glob(f"*.{sink}")):
        rig.taken[sink] += file_rows(each)
    shutil.rmtree(rig.data / sink)
    time.sleep(_NOTICED_S)
    rig.gap(sink, at_s - 0.5, None, "folder removed within the last second")
    time.sleep(fault.seconds)


def _file_foreign(rig: Rig, fault: Fault, sink: str) -> None:
    """Another program appends a line that ends otherwise, as a spreadsheet does."""
    newest = rig.data / sink / f"verdicts.{sink}"
    with contextlib.suppress(FileNotFoundError), newest.open("ab") as file:
        file.write(b"# looked at by the night shift\r")
    time.sleep(fault.seconds)


FAULTS: Mapping[str, Act] = {
    "disk full": _disk_full,
    "journal removed": _journal_removed,
    "journal moved": _journal_moved,
    "journal damaged": _journal_damaged,
    "journal lock removed": _lock_removed,
    "journal read for long": _journal_read,
    "csv moved": functools.partial(_file_moved, sink="csv"),
    "csv removed": functools.partial(_file_removed, sink="csv"),
    "csv foreign line": functools.partial(_file_foreign, sink="csv"),
    "jsonl moved": functools.partial(_file_moved, sink="jsonl"),
    "jsonl removed": functools.partial(_file_removed, sink="jsonl"),
    "jsonl folder removed": functools.partial(_folder_removed, sink="jsonl"),
}
