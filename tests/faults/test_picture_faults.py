"""What disks and people do to the folder of pictures, done to it in truth.

A small tmpfs of its own is filled, made read-only and emptied, where this user may mount one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from partsight.config.pictures import PicturesConfig
from partsight.image.decode import decode
from partsight.image_store import ImageStore, SavePlan
from partsight.image_store.save_plan import is_left_over
from partsight.image_store.store import _HEADROOM
from partsight.records import Frame, PartResult, Verdict
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.ids import uuid7

# Generous: other work may hold the machine up.
PATIENCE_S = 30.0
DISK_BYTES = 8_000_000
RESERVE_BYTES = 3_000_000
# What is made free for new pictures.
AIM_BYTES = round(_HEADROOM * RESERVE_BYTES)
# The journal must fit into the reserve, less the overhead of the file system.
OVERHEAD_BYTES = 100_000

NOISE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)

WRITE_AS_FAST_AS_IT_GOES = """
import sys, time
from datetime import datetime, timezone
from pathlib import Path
import numpy as np
from partsight.config.pictures import PicturesConfig
from partsight.utils.files import write_atomic
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.ids import uuid7
from partsight.image_store import ImageStore
from partsight.records import Frame, PartResult, Verdict

noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
config = PicturesConfig(min_free_bytes=1)
with ImageStore(Path(sys.argv[1]), config, Telemetry(), lambda path, reason: None,
                  save=globals().get("half", write_atomic)) as store:
    while True:
        now = datetime.now(timezone.utc)
        part_id = uuid7(int(now.timestamp() * 1000))
        plan = store.plan(part_id, Verdict.REJECT, now)
        result = PartResult(part_id, now, "script", 0, "f" * 64, Verdict.REJECT, 1.0, "reject")
        store.keep(plan, Frame(noise, now, "script", 0), result)
        time.sleep(0.001)
"""


# Stops for good where half a picture is on the disk.
STOP_HALF_WAY = """
from partsight.utils.files import atomic_path

def half(path, data):
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:
            file.write(data[: len(data) // 2])
        print("half", flush=True)
        time.sleep(600)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 8 MB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk; the injected one is filled all the same")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", place)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True, timeout=PATIENCE_S)


def mount(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["mount", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked after every second is so all the time, and tried again at once."""
    monkeypatch.setattr("partsight.image_store.work_queue._IDLE_S", 0.01)
    monkeypatch.setattr("partsight.image_store.retention_schedule._EVERY_SHORT_S", 0.01)
    monkeypatch.setattr("partsight.image_store.disk_guard._RETRY_S", 0.01)


class Line:
    """Gives verdicts and has their frames kept, as the loop does."""

    def __init__(self, folder: Path, **more: object) -> None:
        self.telemetry, self.lost = Telemetry(), []
        self.folder = folder
        config = PicturesConfig(min_free_bytes=RESERVE_BYTES, annotate=False)
        self.store = ImageStore(
            folder, config, self.telemetry, lambda *reported: self.lost.append(reported),
            close_timeout_s=PATIENCE_S, **more,
        )  # fmt: skip

    def inspect(self) -> SavePlan:
        """One reject; waits until it is known what became of its picture."""
        now = datetime.now(timezone.utc)
        part_id = uuid7(int(now.timestamp() * 1000))
        plan = self.store.plan(part_id, Verdict.REJECT, now)
        known = self.known()
        result = PartResult(part_id, now, "script", 0, "f" * 64, Verdict.REJECT, 1.0, "reject")
        self.store.keep(plan, Frame(NOISE, now, "script", 0), result)
        wait_until(lambda: plan.path is None or self.known() > known)
        return plan

    def known(self) -> float:
        """How many pictures are kept or lost."""
        return sum(n for (name, _), n in self.telemetry.values().items() if "pictures" in name)

    def kept(self) -> list[Path]:
        """The pictures that are there; each must be whole."""
        paths = sorted(self.folder.glob("*/*.jpg"))
        for path in paths:
            assert decode(path).shape == NOISE.shape
        return paths

    def state(self) -> str:
        return self.telemetry.states()["pictures"].name


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def fill(path: Path, size: int) -> None:
    path.write_bytes(bytes(size))


def room(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def test_old_images_make_room_for_new_ones_and_the_reserve_stays_free(disk: Path) -> None:
    line = Line(disk / "pictures")
    plans = []
    with line.store:
        for _ in range(100):
            # On a busy machine room is made later than the next part is inspected.
            wait_until(lambda: room(disk) >= AIM_BYTES and line.state() in ("idle", "keeping"))
            plans.append(line.inspect())
        newest = line.folder / str(plans[-1].path)

    assert all(plan.path for plan in plans)
    assert 0 < len(line.kept()) < 100
    assert line.kept()[-1] == newest
    assert not line.lost
    assert room(disk) >= RESERVE_BYTES


def test_a_disk_filled_by_others_stops_images_but_not_the_journal(disk: Path) -> None:
    line = Line(disk / "pictures")
    with line.store:
        assert line.inspect().path
        wait_until(lambda: line.state() == "keeping")
        fill(disk / "others", room(disk) - RESERVE_BYTES + 500_000)
        wait_until(lambda: line.state() == "disk full")

        plan = line.inspect()

        assert plan.path is None
        assert "at least 3 MB must stay free for the journal" in str(plan.note)
        fill(disk / "journal", room(disk) - OVERHEAD_BYTES)  # verdicts have the rest
        assert line.inspect().path is None

        (disk / "others").unlink()
        wait_until(lambda: line.state() == "keeping")
        plan = line.inspect()
    assert line.kept() == [line.folder / str(plan.path)]
    assert line.telemetry.values()["pictures_lost", "disk full"] == 2
    assert not line.lost


def test_a_full_disk_leaves_no_incomplete_image(disk: Path) -> None:
    """As where a quota ends before the room does: nobody can know before."""
    line = Line(disk / "pictures", free_bytes=lambda _: 10**12)
    with line.store:
        fill(disk / "others", room(disk) - 50_000)
        plan = line.inspect()
        assert line.state() == "disk full"
        (disk / "others").unlink()
        wait_until(lambda: line.inspect().path is not None)
        wait_until(lambda: line.state() == "keeping")

    ((path, reason),) = line.lost
    assert path == plan.path
    assert "No space left on device" in reason
    assert line.folder / path not in line.kept()
    assert not list(line.folder.glob("*/.*"))


def test_a_read_only_disk_is_failing_until_it_is_writable(disk: Path) -> None:
    line = Line(disk / "pictures")
    with line.store:
        assert line.inspect().path
        assert mount("-o", "remount,ro", disk).returncode == 0
        plan = line.inspect()
        assert line.state() == "failing"
        assert "Read-only file system" in line.lost[-1][1]
        assert line.lost[-1][0] == plan.path

        assert mount("-o", "remount,rw", disk).returncode == 0
        wait_until(lambda: line.inspect().path is not None and line.state() == "keeping")
    assert line.folder / str(plan.path) not in line.kept()


def test_a_removed_folder_is_created_again(tmp_path: Path) -> None:
    line = Line(tmp_path / "pictures")
    with line.store:
        line.inspect()
        shutil.rmtree(line.folder)
        plan = line.inspect()

    assert line.kept() == [line.folder / str(plan.path)]
    assert not line.lost


def test_a_file_in_place_of_the_folder_is_reported_and_nothing_planned(tmp_path: Path) -> None:
    (tmp_path / "pictures").touch()
    line = Line(tmp_path / "pictures", monotonic=lambda: 0.0)
    with line.store:
        promised, refused = line.inspect(), line.inspect()

    assert [path for path, _ in line.lost] == [promised.path]
    assert refused.path is None
    assert line.state() == "failing"


def test_writers_that_are_killed_leave_no_half_picture(tmp_path: Path) -> None:
    for round_number in range(5):
        before = len(list(tmp_path.glob("*/*")))
        writer = start_writer(WRITE_AS_FAST_AS_IT_GOES, tmp_path)
        # Another number each time, so that it dies at another point of its work.
        wait_until(lambda n=before + 3 + round_number: len(list(tmp_path.glob("*/*"))) > n)
        kill(writer)

    names = [path for path in tmp_path.glob("*/*") if not path.name.startswith(".")]
    assert len(names) >= 5
    for path in names:
        assert decode(path).shape[1] == 640


def test_a_killed_writer_leaves_only_a_temporary_file(tmp_path: Path) -> None:
    writer = start_writer(STOP_HALF_WAY + WRITE_AS_FAST_AS_IT_GOES, tmp_path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"half\n"
    kill(writer)

    (left_over,) = tmp_path.glob("*/*")
    assert left_over.stat().st_size > 0
    assert is_left_over(left_over.name)


def start_writer(program: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE)


def kill(writer: subprocess.Popen[bytes]) -> None:
    writer.send_signal(signal.SIGKILL)
    with writer:
        writer.wait(PATIENCE_S)
