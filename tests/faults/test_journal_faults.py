"""Faults of the journal by people, disks and power cuts."""

from __future__ import annotations

import contextlib
import csv
import os
import random
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from partsight import journal as journals
from partsight.errors import OutputError
from partsight.journal import Journal, Selection, read_rows, verify
from partsight.journal.schema import EVENTS
from partsight.sinks.delivery_worker import DeliveryWorker
from partsight.sinks.rotating import RotatingSink
from partsight.telemetry.telemetry import Telemetry

WRITER = Path(__file__).with_name("journal_writer.py")
WHEN = datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc)
PATIENCE_S = 60.0


def row(number: int) -> dict[str, Any]:
    return {
        "id": f"id{number}",
        "captured_at": WHEN.isoformat(timespec="milliseconds"),
        "verdict": "reject",
        "reason": "x" * 300,
    }


def events(path: Path, kind: str) -> list[dict[str, Any]]:
    return [each for each in journals.select(path, Selection(), EVENTS) if each["kind"] == kind]


@pytest.fixture
def writers() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, WRITER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    with process:
        yield process
        process.stdin.close()


def announced(process: subprocess.Popen[str]) -> Iterator[str]:
    """All ids printed until now."""
    os.set_blocking(process.stdout.fileno(), False)
    data = b""
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(process.stdout.fileno(), 1 << 20):
            data += chunk
    assert data == b"" or data.endswith(b"\n")
    return iter(data.decode().split())


def gone(child: int) -> None:
    """Wait for the end of a process that nobody waits for."""
    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


@pytest.mark.parametrize("kills", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_kills_lose_no_announced_verdict(
    kills: int, tmp_path: Path, writers: subprocess.Popen[str]
) -> None:
    """Several journals, each killed ten times at random moments."""
    lucky, total = random.Random(7), 0
    for number in range(kills):
        path = tmp_path / f"{number // 10}.db"
        print(path, file=writers.stdin, flush=True)
        child = int(writers.stderr.readline())
        if number % 5:  # while it appends; else while it creates, recovers or opens the journal
            assert select.select([writers.stdout], [], [], PATIENCE_S)[0]
        time.sleep(lucky.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        gone(child)
        ids = list(announced(writers))
        total += len(ids)
        with Journal(path) as journal:  # the rest is usable
            verified = verify(path, journal.head())
            assert journal.append(row(number)) == verified.head[0] + 1
        kept = [each["id"] for each in read_rows(path, limit=10**6)]
        # Their order too; at most the last one was written and not announced.
        place = kept.index(ids[0]) if ids else 0
        assert kept[place : place + len(ids)] == ids
        assert len(kept) - place - len(ids) <= (2 if ids else len(kept))
        assert not list(tmp_path.glob("*.damaged-*"))
    assert total > kills
    for path in tmp_path.glob("*.db"):
        assert_the_file_has_all(path)


def assert_the_file_has_all(path: Path) -> None:
    """Of a sink whose thread was killed as often: rows may come twice, but whole and in order."""
    file = path.with_suffix(".csv")
    with Journal(path) as journal:
        worker = DeliveryWorker(
            "csv", lambda: RotatingSink(file, "csv"), path, journal, Telemetry()
        )
        worker.start()
        assert worker.close(60)
    with file.open(newline="") as stream:
        fed = {int(each["seq"]): each["id"] for each in csv.DictReader(stream)}
    kept = {each["seq"]: each["id"] for each in read_rows(path, limit=10**6)}
    assert list(fed.items()) == list(kept.items())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB, where this user may have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "partsight-test", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk; the limit of file sizes is tested instead")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(journal: Journal) -> int:
    """Append until that is refused; the last number that went in."""
    seq, message = 0, ""
    while not message and seq < 100_000:
        try:
            seq = journal.append(row(seq))
        except OutputError as error:
            message = str(error)
    assert re.fullmatch("cannot write the journal .* free space.*", message)
    return seq


def test_a_full_disk_refuses_rows_until_there_is_space(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(15_500_000))
    telemetry = Telemetry()
    with Journal(small_disk / "journal.db", telemetry) as journal:
        last = fill(journal)
        assert telemetry.states()["journal"].name == "unwritable"
        for _ in range(3):
            with pytest.raises(OutputError, match="cannot write the journal"):
                journal.append(row(1))
        ballast.unlink()

        assert journal.append(row(2)) == last + 1
        assert telemetry.states()["journal"].name == "writing"
        assert verify(journal.path, journal.head()).rows["verdicts"] == last + 1
    assert verify(journal.path).rows["verdicts"] == last + 1


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from test_journal_faults import *
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
path = Path(sys.argv[1])
with Journal(path) as journal:
    limit(300_000)
    last = fill(journal)
    limit(resource.RLIM_INFINITY)
    assert journal.append(row(2)) == last + 1
    print(verify(path, journal.head()).rows["verdicts"] - last)
"""


def test_a_file_size_limit_refuses_rows_until_it_is_raised(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "journal.db", WRITER.parent],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr


def test_a_read_only_disk_refuses_rows_until_it_is_writable(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.append(row(1))
        journal._store.run(lambda connection: connection.execute("PRAGMA query_only=1"))
        with pytest.raises(OutputError, match="readonly"):
            journal.append(row(2))
        assert journal.append(row(3)) == 2
    verify(journal.path)


def test_a_copy_on_a_read_only_disk_can_be_read(small_disk: Path, tmp_path: Path) -> None:
    """Alone, and with the log of a line that was writing; SQLite cannot create files next to it."""
    with Journal(tmp_path / "journal.db", checkpoint_rows=10**6) as journal:
        for number in range(5):
            journal.append(row(number))
        for name in ("journal.db", "journal.db-wal"):
            (small_disk / name).write_bytes((tmp_path / name).read_bytes())
        head = journal.head()
    (small_disk / "alone.db").write_bytes(journal.path.read_bytes())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    for name in ("journal.db", "alone.db"):
        assert [each["id"] for each in read_rows(small_disk / name)] == [
            f"id{number}" for number in range(5)
        ]
        assert verify(small_disk / name, head).rows["verdicts"] == 5
    with pytest.raises(OutputError, match="cannot write the journal"):
        Journal(small_disk / "alone.db")


def damage(path: Path, kind: str) -> None:
    data = path.read_bytes()
    pages = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    if kind == "text":
        data = b"no database at all\n" * 500
    elif kind == "header":
        data = bytes(100) + data[100:]
    elif kind == "short":
        data = data[: len(data) // 2]
    else:
        data = pages[0] + b"".join(b"\xa5" * 4096 for _ in pages[1:])
    path.write_bytes(data)


def let_go(journal: Journal) -> None:
    """Have the database opened again for the next row, as after any error, and no log left."""
    empty_log = "PRAGMA wal_checkpoint(TRUNCATE)"
    # It is busy while the journal's own thread copies the log.
    while journal._store.run(lambda connection: connection.execute(empty_log).fetchone())[0]:
        time.sleep(0.001)
    journal._store._drop()


@pytest.mark.parametrize("kind", ["text", "header", "short", "pages"])
def test_a_damaged_file_is_renamed_and_a_new_one_started(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        for number in range(500):
            journal.append(row(number))
    damage(path, kind)
    damaged = path.read_bytes()
    telemetry, states = Telemetry(), []
    telemetry.on_change(lambda part, state: states.append((part, state.name)))

    for _ in range(2):  # the fresh one stays
        with Journal(path, telemetry, now=lambda: WHEN) as journal:
            seq = journal.append(row(1000))
        (event,) = events(path, "journal_damaged")

    assert seq == 2
    assert states == [("journal", "damaged"), ("journal", "writing")]
    aside = tmp_path / event["detail"]["file"]
    assert aside.name == "journal.db.damaged-20240506T070809Z"
    assert aside.read_bytes() == damaged
    assert event["detail"]["cause"]
    assert verify(path).rows == {"verdicts": 2, "events": 1}


def test_a_listener_may_write_states_as_events(tmp_path: Path) -> None:
    telemetry = Telemetry()
    with Journal(tmp_path / "journal.db", telemetry) as journal:
        journal.append(row(0))
        telemetry.on_change(lambda part, state: journal.event("state", {part: state.name}))
        let_go(journal)
        damage(journal.path, "pages")
        journal.append(row(1))
    assert [each["detail"] for each in events(journal.path, "state")] == [
        {"journal": "damaged"},
        {"journal": "writing"},
    ]


def test_a_journal_is_writing_once_something_was_written(tmp_path: Path) -> None:
    """That it can be read proves nothing: the disk may be full."""
    telemetry = Telemetry()
    with Journal(tmp_path / "journal.db", telemetry) as journal:
        journal.head()
        assert telemetry.states() == {}
        journal.event("started", {})
        assert telemetry.states()["journal"].name == "writing"


def test_damage_while_the_line_runs_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, now=lambda: WHEN, checkpoint_rows=10**6) as journal:
        for number in range(50):
            journal.append(row(number))
        let_go(journal)
        damage(path, "pages")

        assert journal.append(row(50)) == 1
        assert journal.append(row(51)) == 2
        assert journal.wait(1, 0)
    assert len(events(path, "journal_damaged")) == 1
    verify(path)


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    script = "import sys; from partsight.journal import Journal; Journal(sys.argv[1])"
    with Journal(path) as journal:
        journal.append(row(1))
        with pytest.raises(OutputError, match="another process writes it"):
            Journal(path)
        done = subprocess.run(
            [sys.executable, "-c", script, path],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "another process writes it" in done.stderr
        assert journal.append(row(2)) == 2
        assert len(read_rows(path)) == 2
    with Journal(path) as journal:
        assert journal.append(row(3)) == 3


def test_a_lock_ends_with_its_process(tmp_path: Path, writers: subprocess.Popen[str]) -> None:
    path = tmp_path / "journal.db"
    print(path, file=writers.stdin, flush=True)
    child = int(writers.stderr.readline())
    assert writers.stdout.readline()
    with pytest.raises(OutputError, match="another process writes it"):
        Journal(path)
    os.kill(child, signal.SIGKILL)
    gone(child)
    Journal(path).close()


def test_readers_see_whole_rows_while_the_line_writes(
    tmp_path: Path, writers: subprocess.Popen[str]
) -> None:
    path = tmp_path / "journal.db"
    print(path, file=writers.stdin, flush=True)
    child = int(writers.stderr.readline())
    assert writers.stdout.readline()
    seen, deadline = [1], time.monotonic() + 30
    while seen[-1] < 20 and time.monotonic() < deadline:
        seen.append(verify(path).rows["verdicts"])
    os.kill(child, signal.SIGKILL)

    assert seen == sorted(seen)
    assert len(set(seen)) > 2


@pytest.fixture
def fast_disk(tmp_path: Path) -> Iterator[Path]:
    """One that need not be waited for, where there is one: here only sizes are looked at."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def test_memory_and_file_stay_small(fast_disk: Path) -> None:
    with Journal(fast_disk / "journal.db") as journal:
        for number in range(2_000):
            journal.append(row(number))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(20_000):
            journal.append(row(number))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        log = fast_disk / "journal.db-wal"
        assert log.stat().st_size < 100_000_000  # 400 MB were it not copied
    assert after - before < 2_000  # kB
    assert journal.path.stat().st_size < 22_000 * 600
