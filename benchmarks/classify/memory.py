"""What ``partsight classify`` holds at most while it goes through very many pictures."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COUNT = int(os.environ.get("PARTSIGHT_BENCH_PICTURES", "100000"))
DISTINCT = 48
A_FOLDER = 1000
SETTLED_S = 10


def memory(model: str, pictures: Path) -> None:
    """Print the peak of the command on hard links: half of them nested, half in one folder."""
    with tempfile.TemporaryDirectory() as folder:
        link(pictures, Path(folder, "in"))
        output = Path(folder, "out.jsonl")
        command = [sys.executable, "-m", "partsight", "classify", model, f"{folder}/in"]
        started, settled, most = time.monotonic(), 0.0, 0.0
        with subprocess.Popen([*command, "-o", str(output), "--quiet"]) as process:
            while process.poll() is None:
                most = max(most, peak_mb(process.pid))
                if time.monotonic() - started < SETTLED_S:
                    settled = most
                time.sleep(0.05)
        seconds = time.monotonic() - started
        with output.open("rb") as rows:
            count = sum(1 for _ in rows)
    print(
        f"{count} rows of {COUNT} pictures in {seconds:.0f} s ({count / seconds:.0f} a second), "
        f"exit code {process.returncode}"
    )
    print(f"{most:.0f} MB at most, {settled:.0f} after {SETTLED_S} s; wanted: below 300 MB")


def link(pictures: Path, folder: Path) -> None:
    """COUNT names of few files."""
    originals = itertools.islice(sorted(pictures.rglob("*.jpg")), 0, None, 28)
    folder.mkdir()
    # A copy each: links do not cross disks.
    sources = [folder.parent / f"{number}.jpg" for number in range(DISTINCT)]
    for source, original in zip(sources, originals, strict=False):
        source.write_bytes(original.read_bytes())
    taken = itertools.cycle([source for source in sources if source.exists()])
    for number in range(COUNT):
        group = number // A_FOLDER
        nested = folder / f"{group % 7}" / f"{group}" if number < COUNT // 2 else folder / "flat"
        nested.mkdir(parents=True, exist_ok=True)
        os.link(next(taken), nested / f"{number:06}.jpg")


def peak_mb(pid: int) -> float:
    """VmHWM: the most that it has held so far; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields.get("VmHWM", "0 kB").split()[0]) / 1000
