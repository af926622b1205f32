"""A folder into which pictures come: each whole, once, in order of arrival."""

from __future__ import annotations

import contextlib
import itertools
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from partsight.config.source import FolderConfig, SourceConfig
from partsight.health.vitals import Vitals
from partsight.picture.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources import open_frames
from partsight.sources.arrivals import Arrivals
from partsight.sources.watched_folder import WatchedFolder

SPEC = PreprocessSpec(24, 24)


class Clock:
    def __init__(self) -> None:
        self.s = 10.0

    def __call__(self) -> float:
        return self.s

    def sleep(self, seconds: float) -> None:
        self.s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


@pytest.fixture
def vitals() -> Vitals:
    return Vitals()


@pytest.fixture
def watch(folder: Path, clock: Clock, vitals: Vitals) -> Callable[..., WatchedFolder]:
    def make(**config: object) -> WatchedFolder:
        config = {"watch": True, **config}
        return WatchedFolder(
            folder, SPEC, FolderConfig(**config), vitals, clock=clock, sleep=clock.sleep
        )

    return make


def png(level: int = 90) -> bytes:
    return cv2.imencode(".png", np.full((30, 40, 3), level, np.uint8))[1].tobytes()


def put(path: Path, data: bytes | None = None) -> None:
    """Rename into place what was written a little earlier, as a camera's program does."""
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_bytes(png() if data is None else data)
    os.utime(temporary, ns=(10**18, 10**18))
    temporary.rename(path)


def names(frames: WatchedFolder, timeout_s: float = 0.0) -> list[str]:
    found = []
    while (event := frames.after(0, timeout_s)) is not None:
        found.append(Path(event.source).name)
    return found


def test_new_files_come_once_in_order_of_arrival(
    watch: Callable, folder: Path, vitals: Vitals
) -> None:
    put(folder / "before.png")
    with watch() as frames:
        assert names(frames) == []
        for name in ("c.png", "a.jpg", "b.png"):
            put(folder / name)
        os.utime(folder / "a.jpg", (5, 5))  # the time that a file brings along does not count
        put(folder / "notes.txt")
        put(folder / ".hidden.png")
        (folder / "folder.png").mkdir()
        first = frames.after(0, 1)
        assert isinstance(first, Frame)
        assert (Path(first.source).name, first.index) == ("c.png", 0)
        assert first.captured_at.timestamp() == 1e9
        assert (first.image_bgr == 90).all()
        assert sorted(names(frames)) == ["a.jpg", "b.png"]
        assert names(frames, 20.0) == []
    assert vitals.values()["frames", ""] == 3
    assert vitals.states()["source"].name == "running"


def test_those_that_are_there_come_first_where_wanted(watch: Callable, folder: Path) -> None:
    for name in "ba":
        put(folder / f"{name}.png")
    with watch(existing=True) as frames:
        put(folder / "c.png")
        assert names(frames, 1.0) in (["b.png", "a.png", "c.png"], ["a.png", "b.png", "c.png"])


def test_a_file_that_grows_is_waited_for(watch: Callable, folder: Path, clock: Clock) -> None:
    whole = png()
    path = folder / "slow.png"
    with watch(settle_s=0.5) as frames:
        for end in range(10, len(whole), 20):
            with path.open("ab") as file:
                file.write(whole[path.stat().st_size : end])
            clock.s += 0.4
            assert frames.after(0, 0) is None
        with path.open("ab") as file:
            file.write(whole[path.stat().st_size :])
        assert frames.after(0, 0.3) is None
        frame = frames.after(0, 0.4)
        assert isinstance(frame, Frame)
        assert (frame.image_bgr == 90).all()


def test_one_that_grows_does_not_keep_others(watch: Callable, folder: Path) -> None:
    (folder / "slow.png").write_bytes(png()[:40])
    with watch(existing=True, settle_s=5.0) as frames:
        put(folder / "done.png")
        assert names(frames, 1.0) == ["done.png"]


def test_one_that_is_whole_but_was_just_written_is_waited_for(
    watch: Callable, folder: Path
) -> None:
    with watch(settle_s=0.5) as frames:
        (folder / "new.png").write_bytes(png())
        assert frames.after(0, 0.3) is None
        assert isinstance(frames.after(0, 0.3), Frame)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"no picture", "not a picture"), (png()[:-30], "damaged"), (b"", "the file is empty")],
)
def test_a_damaged_one_is_a_fault_with_its_name_and_the_rest_go_on(
    watch: Callable, folder: Path, data: bytes, reason: str
) -> None:
    with watch() as frames:
        put(folder / "bad.png", data)
        assert frames.after(0, 0) is None, "it may be yet to be written"
        fault = frames.after(0, 1)
        assert isinstance(fault, Fault)
        assert fault.reason.startswith("bad.png: ")
        assert reason in fault.reason
        put(folder / "good.png")
        assert isinstance(frames.after(0, 1), Frame)


def test_a_name_may_be_used_again_by_renaming(watch: Callable, folder: Path) -> None:
    with watch() as frames:
        for level in (10, 20, 30):
            put(folder / "part.png", png(level))
            frame = frames.after(0, 0.5)
            assert (frame.image_bgr == level).all()
        assert names(frames, 20.0) == []


def test_one_replaced_while_it_was_waited_for_comes_once(watch: Callable, folder: Path) -> None:
    with watch(settle_s=0.5) as frames:
        (folder / "part.png").write_bytes(png(10)[:30])
        assert frames.after(0, 0) is None
        put(folder / "part.png", png(20))
        frame = frames.after(0, 0.5)
        assert (frame.image_bgr == 20).all()
        assert names(frames, 20.0) == []


def test_one_removed_before_its_turn_is_none(watch: Callable, folder: Path) -> None:
    with watch() as frames:
        (folder / "part.png").write_bytes(png())
        assert frames.after(0, 0) is None
        (folder / "part.png").unlink()
        assert frames.after(0, 9) is None


def test_a_folder_that_goes_and_comes_is_a_state(
    watch: Callable, folder: Path, vitals: Vitals
) -> None:
    put(folder / "old.png")
    with watch() as frames:
        away = folder.with_name("away")
        folder.rename(away)
        fault = frames.after(0, 1)
        assert isinstance(fault, Fault)
        assert "cannot be read: No such file" in fault.reason
        assert frames.after(0, 9) is None
        assert vitals.states()["source"].name == "disconnected"
        folder.mkdir()  # as a share that is not mounted leaves it
        assert frames.after(0, 20) is None
        folder.rmdir()
        away.rename(folder)
        put(folder / "new.png")
        assert names(frames, 20) == ["new.png"]
        assert vitals.states()["source"].name == "running"


@pytest.mark.parametrize("existing", [True, False])
def test_a_folder_that_is_not_there_yet_is_waited_for(
    watch: Callable, folder: Path, vitals: Vitals, existing: bool
) -> None:
    """As a share is that is mounted after the line has started."""
    folder.rmdir()
    with watch(existing=existing) as frames:
        fault = frames.after(0, 1)
        assert isinstance(fault, Fault)
        assert "No such file" in fault.reason
        assert frames.after(0, 1) is None
        assert vitals.states()["source"].name == "disconnected"
        folder.mkdir()
        put(folder / "first.png")
        assert names(frames, 1.0) == (["first.png"] if existing else [])
        assert vitals.states()["source"].name == "running"
        put(folder / "second.png")
        assert names(frames, 1.0) == ["second.png"]


def test_a_file_is_no_folder(watch: Callable, folder: Path) -> None:
    folder.rmdir()
    folder.touch()
    with watch() as frames:
        assert "Not a directory" in frames.after(0, 1).reason


def test_a_folder_that_tells_of_no_change_is_looked_at_all_the_same(
    watch: Callable, folder: Path, clock: Clock
) -> None:
    with watch() as frames:
        clock.s += 100
        frames.after(0, 1)
        stamp = folder.stat()
        put(folder / "quiet.png")
        os.utime(folder, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert names(frames, 15.0) == ["quiet.png"]


def test_it_is_opened_where_the_configuration_says_so(folder: Path) -> None:
    put(folder / "a.png")
    config = SourceConfig(address=str(folder), folder=FolderConfig(watch=True, existing=True))
    with open_frames(config, SPEC, Vitals()) as frames:
        assert isinstance(frames.after(0, 30), Frame)


class Entry:
    def __init__(self, number: int) -> None:
        self.name, self.number = f"picture-of-a-part-{number:06}.png", number

    def inode(self) -> int:
        return self.number


def test_a_hundred_thousand_files_are_little_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    @contextlib.contextmanager
    def crowded(path: Path) -> Iterator[Iterator[Any]]:
        with real(path) as entries:
            yield itertools.chain(map(Entry, range(100_000)), entries)

    arrivals = Arrivals(folder, timer=lambda: 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", crowded)
        tracemalloc.start()
        arrivals.pass_over()
        assert arrivals.waiting(0.0) == []
        put(folder / "new.png")
        assert [arrival.name for arrival in arrivals.waiting(1.0)] == ["new.png"]
        kept, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert kept < 12e6
    assert peak < 24e6


def test_of_many_new_files_only_some_are_held(tmp_path: Path) -> None:
    for number in range(2100):
        os.mknod(tmp_path / f"{number:04}.png")
    arrivals = Arrivals(tmp_path, timer=lambda: 0.0)
    seen: list[str] = []
    for second in range(4):
        waiting = arrivals.waiting(float(second))
        assert len(waiting) <= 1000
        for arrival in waiting:
            seen.append(arrival.name)
            arrivals.done(arrival)
    assert sorted(seen) == [f"{number:04}.png" for number in range(2100)]
