"""Retention deletes the oldest images, and nothing else."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.wrong_clock import DAY_S, START_S, YEARS_S, Machine

from partsight.config.pictures import PicturesConfig
from partsight.image_store.retention import Retention
from partsight.image_store.retention_schedule import RetentionSchedule
from partsight.image_store.save_plan import annotated_path, image_path
from partsight.utils.elapsed import ElapsedTime
from partsight.utils.ids import uuid7

NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
PLENTY = 10**12


# No limit but the one that a test sets.
class Limits(NamedTuple):
    max_age_days: int
    max_count: int
    free_bytes: int


ALL = Limits(max_age_days=10**5, max_count=10**9, free_bytes=0)


class Clocks:
    """The wall clock and the monotonic one, together and apart."""

    def __init__(self) -> None:
        self.unix_s, self.monotonic_s, self.suspended = NOON.timestamp(), 1000.0, False

    def now(self) -> float | None:
        return None if self.suspended else self.unix_s

    def monotonic(self) -> float:
        return self.monotonic_s

    def pass_by(self, seconds: float) -> None:
        self.unix_s += seconds
        self.monotonic_s += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., list[str]]:
    """Lay down the pictures of parts, some days before noon, in their order."""

    def make(days_ago: float, parts: int = 1, *, size: int = 1000, png: bool = False) -> list[str]:
        taken = NOON - timedelta(days=days_ago)
        paths = []
        for number in range(parts):
            part_id = uuid7(int(taken.timestamp() * 1000) + number)
            path = image_path(part_id, taken, "png" if png else "jpg")
            for name in (path, annotated_path(path)):
                (tmp_path / name).parent.mkdir(exist_ok=True)
                (tmp_path / name).write_bytes(bytes(size // 2))
                os.utime(tmp_path / name, (taken.timestamp(),) * 2)
            paths.append(path)
        return paths

    return make


@pytest.fixture
def tidy(tmp_path: Path, clocks: Clocks) -> Callable[..., int]:
    """Go over the folder once, and say how many pieces that took."""

    def run(limits: Limits = ALL, free: int = PLENTY) -> int:
        return len(list(opened(tmp_path, limits, clocks, free).steps()))

    return run


def opened(folder: Path, limits: Limits, clocks: Clocks, free: int = PLENTY) -> Retention:
    config = PicturesConfig(max_age_days=limits.max_age_days, max_count=limits.max_count)
    return Retention(
        folder,
        config,
        limits.free_bytes,
        lambda _: free,
        now=clocks.now,
        monotonic=clocks.monotonic,
    )


def frames(folder: Path) -> list[str]:
    """What is kept, the oldest first; each with its annotated picture."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.*"))
    kept = [name for name in found if "annotated" not in name]
    assert [annotated_path(name) for name in kept] == [n for n in found if "annotated" in n]
    return kept


def test_nothing_is_deleted_within_the_limits(
    tmp_path: Path, keep: Callable, tidy: Callable
) -> None:
    kept = keep(400, 3) + keep(0, 3)
    tidy()
    assert frames(tmp_path) == kept


def test_a_missing_folder_is_empty(tmp_path: Path, clocks: Clocks) -> None:
    assert list(opened(tmp_path / "missing", ALL, clocks, 0).steps()) == []


@pytest.mark.parametrize(
    ("max_count", "left"), [(7, 7), (6, 6), (5, 5), (4, 4), (1, 1)], ids=lambda value: f"{value}"
)
def test_the_oldest_are_deleted_until_the_number_is_met(
    tmp_path: Path, keep: Callable, tidy: Callable, max_count: int, left: int
) -> None:
    kept = keep(3, 2) + keep(1, 2, png=True) + keep(0, 2)

    tidy(Limits(ALL.max_age_days, max_count, 0))

    assert frames(tmp_path) == kept[-left:]
    assert (tmp_path / "2026-11-21").exists() is (left > 4)  # empty days go


@pytest.mark.parametrize(("free", "left"), [(5000, 6), (4999, 5), (4000, 5), (2001, 3), (0, 1)])
def test_the_oldest_go_until_there_is_room(
    tmp_path: Path, keep: Callable, tidy: Callable, free: int, left: int
) -> None:
    kept = keep(3, 3, size=1000) + keep(0, 3, size=1000)

    tidy(Limits(ALL.max_age_days, ALL.max_count, 5000), free)

    assert frames(tmp_path) == kept[-left:]


def test_a_disk_filled_by_others_deletes_all_images_and_nothing_else(
    tmp_path: Path, keep: Callable, tidy: Callable
) -> None:
    keep(1, 3)
    (tmp_path / "journal.db").write_bytes(b"rows")

    tidy(Limits(ALL.max_age_days, ALL.max_count, PLENTY), 0)

    assert os.listdir(tmp_path) == ["journal.db"]


def test_days_that_are_too_old_go(tmp_path: Path, keep: Callable, tidy: Callable) -> None:
    keep(31, 2)
    kept = keep(30, 2) + keep(29, 1) + keep(0, 1)

    tidy(Limits(30, ALL.max_count, 0))

    assert frames(tmp_path) == kept
    tidy(Limits(29, ALL.max_count, 0))
    assert frames(tmp_path) == kept[2:]


def test_old_frames_that_were_written_today_are_not_old(
    tmp_path: Path, keep: Callable, tidy: Callable, clocks: Clocks
) -> None:
    """As when old pictures are inspected again: their files are new."""
    (path,) = keep(400)
    for name in (path, annotated_path(path)):
        os.utime(tmp_path / name, (clocks.unix_s,) * 2)

    tidy(Limits(30, ALL.max_count, 0))

    assert frames(tmp_path) == [path]


def test_files_of_others_stay_and_block_nothing(
    tmp_path: Path, keep: Callable, tidy: Callable
) -> None:
    old, new = keep(2, 2), keep(0, 1)
    foreign = ["2026-11-22/notes.txt", "2026-11-22/x.jpg", "2026-13-99/a.jpg", "lost+found/b.jpg"]
    for name in foreign:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "2026-11-20").touch()  # no folder

    tidy(Limits(1, 1, 0))

    assert all((tmp_path / name).exists() for name in [*foreign, *new, "2026-11-20"])
    assert not any((tmp_path / name).exists() for name in old)


def test_files_may_be_removed_meanwhile(tmp_path: Path, keep: Callable, clocks: Clocks) -> None:
    keep(2, 200)
    kept = keep(0, 2)
    steps = opened(tmp_path, Limits(ALL.max_age_days, 2, 0), clocks).steps()
    next(steps)  # they are counted
    for path in sorted((tmp_path / "2026-11-22").iterdir())[::3]:
        path.unlink()

    list(steps)

    left = sorted(path.relative_to(tmp_path).as_posix() for path in frames_only(tmp_path))
    assert left == kept


def test_pictures_that_came_since_count(tmp_path: Path, keep: Callable, clocks: Clocks) -> None:
    first = keep(1, 3)
    retention = opened(tmp_path, Limits(ALL.max_age_days, 3, 0), clocks)
    list(retention.steps())
    second = keep(0, 2)
    for path in second:
        retention.added(Path(path).parent.name)

    list(retention.steps())

    assert frames(tmp_path) == [first[-1], *second]


def test_a_day_that_was_moved_away_counts_no_more(
    tmp_path: Path, keep: Callable, clocks: Clocks
) -> None:
    keep(2, 3)
    kept = keep(1, 3)
    retention = opened(tmp_path, Limits(ALL.max_age_days, 6, 0), clocks)
    list(retention.steps())
    shutil.rmtree(tmp_path / "2026-11-22")
    kept += keep(0, 1)
    retention.added("2026-11-24")

    list(retention.steps())

    assert frames(tmp_path) == kept


def test_pictures_that_were_moved_away_count_no_more_after_an_hour(
    tmp_path: Path, keep: Callable, clocks: Clocks
) -> None:
    moved, kept = keep(1, 3), keep(0, 1)
    retention = opened(tmp_path, Limits(ALL.max_age_days, 4, 0), clocks)
    list(retention.steps())
    for path in moved:
        (tmp_path / path).unlink()
        (tmp_path / annotated_path(path)).unlink()
    kept += keep(-0.01, 3)
    clocks.pass_by(3600)

    list(retention.steps())

    assert frames(tmp_path) == kept


def test_nothing_is_deleted_for_its_age_while_the_clock_may_be_wrong(
    tmp_path: Path, keep: Callable, clocks: Clocks
) -> None:
    kept = keep(40, 1) + keep(0, 1)
    clocks.suspended = True
    retention = opened(tmp_path, Limits(30, ALL.max_count, 0), clocks)
    list(retention.steps())
    assert frames(tmp_path) == kept

    clocks.suspended = False
    list(retention.steps())
    assert frames(tmp_path) == kept[1:]


def test_limits_of_number_hold_while_the_clock_may_be_wrong(
    tmp_path: Path, keep: Callable, clocks: Clocks
) -> None:
    kept = keep(40, 1) + keep(0, 1)
    clocks.suspended = True
    list(opened(tmp_path, Limits(30, 1, 0), clocks).steps())
    assert frames(tmp_path) == kept[1:]


@pytest.mark.parametrize("error_s", [YEARS_S, -YEARS_S, -START_S])
def test_a_start_with_a_wrong_clock_deletes_no_image_for_its_age(
    tmp_path: Path, keep: Callable, error_s: float
) -> None:
    machine = Machine(tmp_path / "clock", true_s=NOON.timestamp())
    machine.start()
    kept = keep(29) + keep(0)

    def run(elapsed: ElapsedTime) -> None:
        config = PicturesConfig(max_age_days=30)
        list(Retention(tmp_path, config, 0, lambda _: PLENTY, now=elapsed.now).steps())

    machine.off(60)
    machine.error_s = error_s
    elapsed = machine.start()
    run(elapsed)
    assert frames(tmp_path) == kept

    machine.error_s = 0.0  # somebody notices
    run(elapsed)
    assert frames(tmp_path) == kept
    machine.true_s += 2 * DAY_S
    run(elapsed)
    assert frames(tmp_path) == kept[1:]


@pytest.mark.parametrize(
    ("captured_days_ago", "written_days_ago", "is_deleted"),
    [
        (-800, 40, True),  # the camera's clock is ahead
        (-800, 0, False),
        (20_000, 40, True),  # the camera starts in 1970
        (20_000, 0, False),
        (20_000, 20_000, False),  # the clock of the device was not set
    ],
)
def test_the_age_of_an_image_counts_from_its_writing(
    tmp_path: Path,
    keep: Callable,
    tidy: Callable,
    captured_days_ago: float,
    written_days_ago: float,
    is_deleted: bool,
) -> None:
    """Neither does a day that the camera made up keep others from being deleted."""
    (path,), old, young = keep(captured_days_ago), keep(40), keep(0)
    written_s = (NOON - timedelta(days=written_days_ago)).timestamp()
    for name in (path, annotated_path(path)):
        os.utime(tmp_path / name, (written_s,) * 2)

    tidy(Limits(30, ALL.max_count, 0))

    left = young if is_deleted else sorted([path, *young])
    assert frames(tmp_path) == left
    assert not (tmp_path / old[0]).exists()


def test_a_clock_set_back_deletes_nothing(tmp_path: Path, keep: Callable, clocks: Clocks) -> None:
    kept = keep(1, 2)
    retention = opened(tmp_path, Limits(30, ALL.max_count, 0), clocks)
    clocks.unix_s = 0.0
    list(retention.steps())
    assert frames(tmp_path) == kept


def test_old_temporary_files_are_deleted(
    tmp_path: Path, keep: Callable, tidy: Callable, clocks: Clocks
) -> None:
    (path,) = keep(0)
    folder = (tmp_path / path).parent
    names = [f".{Path(each).name}.{'0' * 32}.part" for each in (path, annotated_path(path))]
    old, new = (folder / name for name in names)
    for left_over, age_s in ((old, 3601), (new, 3599)):
        left_over.touch()
        os.utime(left_over, (clocks.unix_s - age_s,) * 2)

    tidy()

    assert not old.exists()
    assert new.exists()


def test_work_is_done_in_small_pieces(
    tmp_path: Path, keep: Callable, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partsight.image_store.day_folders._ENTRIES_PER_PIECE", 10)
    monkeypatch.setattr("partsight.image_store.day_folders._BATCH", 30)
    keep(1, 100)
    steps = opened(tmp_path, Limits(ALL.max_age_days, 1, 0), clocks).steps()

    left = [100, *(len(frames_only(tmp_path)) for _ in steps)]

    assert max(before - after for before, after in itertools.pairwise(left)) <= 20
    assert len(frames(tmp_path)) == 1


def frames_only(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/*.jpg") if "annotated" not in path.name]


@pytest.mark.parametrize(
    ("short", "wait_s", "due"),
    [(False, 59.9, False), (False, 60, True), (True, 0.9, False), (True, 1, True)],
)
def test_passes_begin_not_too_often(clocks: Clocks, short: bool, wait_s: float, due: bool) -> None:
    begun = 0

    def begin() -> itertools.repeat:
        nonlocal begun
        begun += 1
        return itertools.repeat(None, 2)

    schedule = RetentionSchedule(begin, clocks.monotonic)
    assert [schedule.run_piece(short=False) for _ in range(4)] == [True, True, False, False]
    clocks.pass_by(wait_s)

    assert schedule.run_piece(short=short) is due
    assert begun == 1 + due
