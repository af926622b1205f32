"""A folder into which pictures come: each whole, once, in order of arrival."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partsight.config.source import FolderConfig, SourceConfig
from partsight.image.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources import arrivals as arrivals_module
from partsight.sources import open_frames, watched_folder
from partsight.sources.arrivals import Arrivals
from partsight.sources.watched_folder import WatchedFolder
from partsight.telemetry.telemetry import Telemetry

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
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def watch(folder: Path, clock: Clock, telemetry: Telemetry) -> Callable[..., WatchedFolder]:
    def make(**config: object) -> WatchedFolder:
        config = {"watch": True, **config}
        return WatchedFolder(
            folder, SPEC, FolderConfig(**config), telemetry, clock=clock, sleep=clock.sleep
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
    watch: Callable, folder: Path, telemetry: Telemetry
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
    assert telemetry.values()["frames", ""] == 3
    assert telemetry.states()["source"].name == "running"


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
    [(b"no picture", "not an image"), (png()[:-30], "damaged"), (b"", "the file is empty")],
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
    watch: Callable, folder: Path, telemetry: Telemetry
) -> None:
    put(folder / "old.png")
    with watch() as frames:
        away = folder.with_name("away")
        folder.rename(away)
        fault = frames.after(0, 1)
        assert isinstance(fault, Fault)
        assert "cannot be read: No such file" in fault.reason
        assert frames.after(0, 9) is None
        assert telemetry.states()["source"].name == "disconnected"
        folder.mkdir()  # as a share that is not mounted leaves it
        assert frames.after(0, 20) is None
        folder.rmdir()
        away.rename(folder)
        put(folder / "new.png")
        assert names(frames, 20) == ["new.png"]
        assert telemetry.states()["source"].name == "running"


@pytest.mark.parametrize("existing", [True, False])
def test_a_folder_that_is_not_there_yet_is_waited_for(
    watch: Callable, folder: Path, telemetry: Telemetry, existing: bool
) -> None:
    """As a share is that is mounted after the line has started."""
    folder.rmdir()
    with watch(existing=existing) as frames:
        fault = frames.after(0, 1)
        assert isinstance(fault, Fault)
        assert "No such file" in fault.reason
        assert frames.after(0, 1) is None
        assert telemetry.states()["source"].name == "disconnected"
        folder.mkdir()
        put(folder / "first.png")
        assert names(frames, 1.0) == (["first.png"] if existing else [])
        assert telemetry.states()["source"].name == "running"
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
    with open_frames(config, SPEC, Telemetry()) as frames:
        assert isinstance(frames.after(0, 30), Frame)


class Entry:
    def __init__(self, number: int) -> None:
        self.name, self.number = f"picture-of-a-part-{number:06}.png", number

    def inode(self) -> int:
        return self.number

    def is_dir(self) -> bool:
        return False

    def is_file(self) -> bool:
        return True

    def stat(self) -> Any:
        return SimpleNamespace(
            st_ino=self.number, st_size=1000, st_mtime_ns=self.number, st_ctime_ns=self.number
        )


def test_many_files_are_little_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    @contextlib.contextmanager
    def crowded(path: Path) -> Iterator[Iterator[Any]]:
        with real(path) as entries:
            yield itertools.chain(map(Entry, range(10_000)), entries)

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
    assert kept < 130 * 10_000
    assert peak < 280 * 10_000


def test_of_many_new_files_only_some_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals_module, "_AHEAD", 100)
    for number in range(210):
        os.mknod(tmp_path / f"{number:04}.png")
    arrivals = Arrivals(tmp_path, timer=lambda: 0.0)
    seen: list[str] = []
    for second in range(4):
        waiting = arrivals.waiting(float(second))
        assert len(waiting) <= 100
        for arrival in waiting:
            seen.append(arrival.name)
            arrivals.done(arrival)
    assert sorted(seen) == [f"{number:04}.png" for number in range(210)]


def levels(frames: WatchedFolder, timeout_s: float = 3.0) -> list[int]:
    """The grey of each picture that comes."""
    found = []
    while (event := frames.after(0, timeout_s)) is not None:
        assert isinstance(event, Frame), event
        found.append(int(event.image_bgr[0, 0, 0]))
    return found


def same_size(level: int) -> bytes:
    """A picture whose file is as large as that of any other level."""
    return cv2.imencode(".bmp", np.full((30, 40, 3), level, np.uint8))[1].tobytes()


def in_place(path: Path, data: bytes) -> None:
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(data)
        file.truncate()
    _age(path)


def truncated_first(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    _age(path)


def removed_and_written(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    _age(path)


def replaced(path: Path, data: bytes) -> None:
    temporary = path.with_name("upload.tmp")
    temporary.write_bytes(data)
    _age(temporary)
    temporary.replace(path)


_times = itertools.count(1, 7_000_001)


def _age(path: Path) -> None:
    """Give each writing a time of its own, as a clock finer than a test would."""
    now_ns = path.stat().st_mtime_ns + next(_times)
    os.utime(path, ns=(now_ns, now_ns))


WAYS = [in_place, truncated_first, removed_and_written, replaced]


@pytest.mark.parametrize("write", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("place", ["snap.bmp", "2024/05/01/snap.bmp"])
def test_a_file_that_is_overwritten_is_taken_each_time(
    watch: Callable, folder: Path, write: Callable[[Path, bytes], None], place: str
) -> None:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, same_size(5))
    with watch() as frames:
        assert levels(frames) == [], "it was there before"
        for level in range(10, 60, 10):
            write(path, same_size(level))
            assert levels(frames) == [level]
        assert levels(frames, 40.0) == []


def test_one_that_is_overwritten_bit_by_bit_is_waited_for(
    watch: Callable, folder: Path, clock: Clock
) -> None:
    path, new = folder / "snap.bmp", same_size(20)
    with watch(settle_s=0.5) as frames:
        truncated_first(path, same_size(10))
        assert levels(frames) == [10]
        for end in range(0, len(new), 400):
            path.write_bytes(new[:end])
            _age(path)
            clock.s += 0.4
            assert frames.after(0, 0) is None
        truncated_first(path, new)
        assert levels(frames) == [20]


def test_one_that_is_overwritten_while_it_is_read_is_read_again(
    watch: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "snap.bmp"
    real = watched_folder.decode

    def meanwhile(*given: Any) -> Any:
        image = real(*given)
        monkeypatch.setattr(watched_folder, "decode", real)
        in_place(path, same_size(20))
        return image

    with watch() as frames:
        in_place(path, same_size(10))
        assert frames.after(0, 0) is None
        monkeypatch.setattr(watched_folder, "decode", meanwhile)
        assert levels(frames) == [20]


def test_a_touched_file_counts_as_overwritten_and_a_changed_mode_does_not(
    watch: Callable, folder: Path
) -> None:
    path = folder / "a.png"
    with watch() as frames:
        put(path, png(10))
        assert levels(frames) == [10]
        path.chmod(0o600)
        assert levels(frames, 20.0) == []
        os.utime(path)
        assert levels(frames) == [10]


def test_an_old_file_among_many_is_looked_at_now_and_then(
    watch: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals_module, "_RECENT", 2)
    for number in range(9):
        truncated_first(folder / f"{number}.bmp", same_size(number))
    with watch() as frames:
        assert levels(frames) == []
        in_place(folder / "0.bmp", same_size(77))
        assert levels(frames, 15.0) == [77]


@pytest.mark.parametrize("settles", [True, False])
def test_where_time_is_in_whole_seconds_a_file_is_waited_for_longer(
    watch: Callable, folder: Path, settles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partsight.sources.arrival.is_coarse", lambda status: settles)
    with watch(settle_s=0.5) as frames:
        path = folder / "a.png"
        path.write_bytes(png(10))
        status = path.stat()
        ahead_ns = status.st_ctime_ns + 10**9
        os.utime(path, ns=(ahead_ns, ahead_ns))
        assert (frames.after(0, 1.5) is None) == settles
        assert levels(frames) == [10] * settles


@pytest.mark.parametrize(
    "place",
    ["2024-05-01/a.png", "2024/05/01/a.png", "line 3/Ä/a.png", "x/" * 30 + "a.png", "o.png/a.png"],
)
@pytest.mark.parametrize("existing", [True, False])
def test_folders_that_are_made_while_it_runs_are_watched_at_every_level(
    watch: Callable, folder: Path, place: str, existing: bool
) -> None:
    with watch(existing=existing) as frames:
        assert names(frames) == []
        path = folder / place
        for parent in reversed(path.relative_to(folder).parents[:-1]):
            (folder / parent).mkdir(exist_ok=True)
            assert frames.after(0, 0.2) is None
        put(path)
        frame = frames.after(0, 1)
        assert isinstance(frame, Frame)
        assert frame.source == str(path)
        put(path.with_name("b.png"))
        assert names(frames, 1.0) == ["b.png"]


@pytest.mark.parametrize("existing", [True, False])
def test_what_is_in_folders_at_the_start_is_existing(
    watch: Callable, folder: Path, existing: bool
) -> None:
    (folder / "2024/05").mkdir(parents=True)
    put(folder / "2024/05/a.png")
    put(folder / "2024/b.png")
    with watch(existing=existing) as frames:
        assert sorted(names(frames, 1.0)) == (["a.png", "b.png"] if existing else [])
        put(folder / "2024/05/c.png")
        assert names(frames, 1.0) == ["c.png"]


def test_a_whole_folder_may_be_moved_in(watch: Callable, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "upload/1").mkdir(parents=True)
    put(tmp_path / "upload/1/a.png")
    with watch() as frames:
        (tmp_path / "upload").rename(folder / "2024-05-01")
        assert names(frames, 1.0) == ["a.png"]


@pytest.mark.parametrize(
    "name",
    ["@eaDir", ".hidden", "lost+found", "__MACOSX", ".ipynb_checkpoints", "#recycle", ".@__thumb"],
)
def test_folders_that_no_command_reads_are_not_watched(
    watch: Callable, folder: Path, name: str
) -> None:
    (folder / "2024").mkdir()
    with watch(existing=True) as frames:
        for parent in (folder, folder / "2024"):
            (parent / name / "a.png").mkdir(parents=True)
            put(parent / name / "thumbnail.png")
            put(parent / name / "a.png/thumbnail.png")
            put(parent / "._a.png")
        put(folder / "2024/real.png")
        assert names(frames, 15.0) == ["real.png"]


def test_links_are_followed_once_and_not_in_circles(
    watch: Callable, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "2024").mkdir()
    (folder / "2024/up").symlink_to(folder)
    (folder / "2024/above").symlink_to(tmp_path)
    (folder / "2024/self").symlink_to(folder / "2024")
    (folder / "a-latest").symlink_to(folder / "2024")
    (folder / "other").symlink_to(tmp_path / "elsewhere")
    (folder / "dead").symlink_to(tmp_path / "nothing")
    with watch() as frames:
        put(folder / "2024/a.png")
        put(tmp_path / "elsewhere/b.png")
        seen = [frames.after(0, 1).source for _ in range(2)]
        assert sorted(seen) == [str(folder / "2024/a.png"), str(folder / "other/b.png")]
        assert names(frames, 15.0) == []


def test_a_part_that_is_moved_within_the_tree_is_not_taken_twice(
    watch: Callable, folder: Path
) -> None:
    (folder / "done").mkdir()
    with watch() as frames:
        for name in ("a.png", "b.png"):
            put(folder / name)
        assert sorted(names(frames, 1.0)) == ["a.png", "b.png"]
        (folder / "a.png").rename(folder / "done/a.png")
        (folder / "new").mkdir()
        (folder / "b.png").rename(folder / "new/b.png")
        assert names(frames, 15.0) == []
        (folder / "done").rename(folder / "archive")
        put(folder / "c.png")
        assert names(frames, 15.0) == ["c.png"]


def test_a_folder_that_is_removed_and_made_again_is_watched(watch: Callable, folder: Path) -> None:
    day = folder / "today"
    with watch() as frames:
        for _ in range(5):
            day.mkdir()
            removed_and_written(day / "a.png", png())
            assert names(frames, 1.0) == ["a.png"]
            (day / "a.png").unlink()
            day.rmdir()


def test_folders_below_one_that_goes_and_comes_are_not_new(
    watch: Callable, folder: Path, telemetry: Telemetry
) -> None:
    (folder / "2024/05").mkdir(parents=True)
    put(folder / "2024/05/a.png")
    with watch() as frames:
        away = folder.with_name("away")
        folder.rename(away)
        assert isinstance(frames.after(0, 1), Fault)
        folder.mkdir()  # as a share that is not mounted leaves it
        assert frames.after(0, 25) is None
        folder.rmdir()
        away.rename(folder)
        put(folder / "2024/05/new.png")
        assert names(frames, 25) == ["new.png"]


def test_a_folder_that_cannot_be_listed_is_told_once_and_the_others_go_on(
    watch: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refusing(path: str) -> Any:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    with watch() as frames:
        monkeypatch.setattr(os, "scandir", refusing)
        (folder / "secret").mkdir()
        (folder / "open").mkdir()
        put(folder / "secret/a.png")
        fault = frames.after(0, 1)
        assert isinstance(fault, Fault)
        assert fault.reason == f"the folder {folder / 'secret'} cannot be read: Permission denied"
        put(folder / "open/b.png")
        assert names(frames, 25.0) == ["b.png"]
        monkeypatch.setattr(os, "scandir", real)
        assert names(frames, 1.0) == ["a.png"]


def test_old_folders_are_not_listed_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(50):
        (folder / f"2024/{day}").mkdir(parents=True)
        put(folder / f"2024/{day}/a.png")
    arrivals = Arrivals(folder, timer=lambda: 0.0)
    arrivals.pass_over()
    assert arrivals.waiting(0.0) == arrivals.waiting(0.1) == []
    listed: list[str] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(str(path)), real(path))[1])
    for look in range(20):
        assert arrivals.waiting(1.0 + look / 10) == []
    assert listed == []
    put(folder / "2024/7/b.png")
    assert [each.name for each in arrivals.waiting(4.0)] == ["2024/7/b.png"]
    assert {os.path.relpath(path, folder) for path in listed} == {"2024/7"}


def test_what_is_forgotten_is_what_is_gone(folder: Path) -> None:
    """What is remembered stays as small as what is there."""
    arrivals = Arrivals(folder, timer=lambda: 0.0)
    now_s = 0.0
    for day in range(30):
        (folder / str(day)).mkdir()
        removed_and_written(folder / f"{day}/a.png", png())
        (arrival,) = arrivals.waiting(now_s)
        arrivals.done(arrival)
        (folder / f"{day}/a.png").unlink()
        (folder / str(day)).rmdir()
        now_s += 1.0
    assert arrivals.waiting(now_s + 20) == []
    assert not arrivals._known
    assert not +arrivals._counts


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["in_place", "replaced", "removed_and_written", "remove", "move", "touch"]),
        st.sampled_from(["", "2024", "2024/05", "b"]),
        st.sampled_from(["a.bmp", "b.bmp"]),
    ),
    max_size=10,
)


@given(OPERATIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_content_comes_once_whatever_is_done(
    operations: list[tuple[str, str, str]],
) -> None:
    clock, level = Clock(), itertools.count(1)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        config = FolderConfig(watch=True, existing=True)
        frames = WatchedFolder(root, SPEC, config, Telemetry(), clock=clock, sleep=clock.sleep)
        for operation, below, name in operations:
            path = root / below / name
            path.parent.mkdir(parents=True, exist_ok=True)
            expected: list[int] = []
            if operation in {way.__name__ for way in WAYS}:
                expected = [next(level)]
                {way.__name__: way for way in WAYS}[operation](path, same_size(expected[0]))
            elif operation == "remove":
                path.unlink(missing_ok=True)
            elif path.exists() and operation == "touch":
                expected = [int(cv2.imread(str(path))[0, 0, 0])]
                _age(path)
            elif path.exists():
                (root / "done").mkdir(exist_ok=True)
                path.replace(root / "done" / name)
            assert levels(frames, 12.0) == expected
