"""What the journal adds to a verdict: append against a bare write to the same disk, in turns.

    pip install -c constraints.txt .
    python benchmarks/journal.py FOLDER [ROWS]

FOLDER lies on the disk to be measured. Each verdict meets both at once, in an order that changes:
one row appended, and 4 KiB written over an old block of a file and synced, which is the least
that anything durable can cost. So the claim is a ratio as well, independent of the disk and of
other users. Between two verdicts there is a pause, as on a line.

Then ROWS rows (100,000) go in as fast as they go, on a disk of memory where there is one: what
the journal itself takes, the bytes of a row, and whether memory stays where it was.
"""

from __future__ import annotations

import array
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from partsight.journal import Journal
from partsight.records import PartResult, Prediction, Thresholds, TriggerEvent, Verdict
from partsight.utils.ids import uuid7

VERDICTS = 2000
PAUSE_S = 0.01
ROWS = 100_000
WANTED_MS = 2.0
BLOCK = os.urandom(4096)
BLOCKS = 1000


def row(number: int) -> dict[str, Any]:
    """As the line gives it."""
    now = datetime.now(timezone.utc)
    return PartResult(
        id=uuid7(int(now.timestamp() * 1000)),
        captured_at=now,
        source="/dev/video0",
        index=number,
        model_sha256="0123456789abcdef" * 4,
        verdict=Verdict.ACCEPT,
        latency_ms=6.25,
        reason="accept",
        prediction=Prediction({"defected": 0.01171875, "healthy": 0.98828125}),
        trigger_event=TriggerEvent("mqtt", 1.0, f"SN-{number:08}"),
        thresholds=Thresholds(0.71, 0.5),
        model_version="2024-05-06",
        frame_age_ms=3.5,
        stages_ms={"preprocess": 0.85, "invoke": 4.4, "decide": 0.01},
    ).row()


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(name: str, values: Iterable[float]) -> float:
    """Print the median and the 99th percentile in milliseconds; the latter."""
    cuts = statistics.quantiles(values, n=100)
    print(f"{name:24} p50 {1000 * cuts[49]:7.3f} ms   p99 {1000 * cuts[98]:7.3f} ms")
    return 1000 * cuts[98]


def beside_a_bare_write(folder: Path) -> None:
    """Append and write in turns."""
    bare = os.open(folder / "bare", os.O_RDWR | os.O_CREAT)
    os.write(bare, BLOCK * BLOCKS)
    os.fsync(bare)
    appended, written = [], []
    with Journal(folder / "journal.db") as journal:

        def write(number: int) -> None:
            os.pwrite(bare, BLOCK, number % BLOCKS * len(BLOCK))
            getattr(os, "fdatasync", os.fsync)(bare)

        for number in range(VERDICTS):
            time.sleep(PAUSE_S)
            one = row(number)
            if number % 2:
                written.append(seconds(lambda number=number: write(number)))
            appended.append(seconds(lambda one=one: journal.append(one)))
            if not number % 2:
                written.append(seconds(lambda number=number: write(number)))
    os.close(bare)
    bare_ms = report("4 KiB written, synced", written)
    append_ms = report("verdict appended", appended)
    ratio = statistics.median(a / b for a, b in zip(appended, written, strict=True))
    print(
        f"median ratio x{ratio:.2f}; p99 {append_ms - bare_ms:+.3f} ms, x{append_ms / bare_ms:.2f}"
    )
    print(f"wanted: less than {WANTED_MS} ms added to p99, where the disk allows")


def resident_kb() -> int:
    """What of this process is in memory, kB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def soak(folder: Path, rows: int) -> None:
    """Append many rows at once."""
    values, early_kb = array.array("d", bytes(8 * rows)), 0
    with Journal(folder / "journal.db") as journal:
        for number in range(rows):
            one = row(number)
            values[number] = seconds(lambda one=one: journal.append(one))
            if number == rows // 10:
                early_kb = resident_kb()
        grown_kb = resident_kb() - early_kb
        log = (folder / "journal.db-wal").stat().st_size
    report(f"append, {folder}", values)
    size = (folder / "journal.db").stat().st_size
    print(f"{rows} rows: {size / rows:.0f} bytes a row, log {log / 1e6:.1f} MB")
    print(f"resident memory after the first tenth: {grown_kb:+d} kB")


def main(folder: Path, rows: int) -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        beside_a_bare_write(Path(place))
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else folder) as place:
        soak(Path(place), rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else ROWS)
