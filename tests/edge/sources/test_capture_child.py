"""The process that reads a camera: what it hands over, and that it never stays behind.

The processes are real, only their camera is not: it is one of ``CAMERAS``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from partsight.errors import EnvironmentFault, SourceError
from partsight.sources.capture_backend import CapturedImage
from partsight.sources.capture_child import COMMAND, CaptureChild

DEADLINE_S = 60.0

FAKE = """
import sys, time
import numpy as np
from partsight.sources.capture_process import main

class Camera:
    "Each frame is of one level, so that a torn one shows; the address says what goes wrong."
    def __init__(self, address):
        self.kind, self.number = address, 0
        if self.kind == "raises":
            raise OSError(19, "No such device")
    def isOpened(self):
        return self.kind != "shut"
    def set(self, prop, value):
        pass
    def get(self, prop):
        return 7.0
    def grab(self):
        self.number += 1
        if self.kind == "hangs" and self.number > 2:
            time.sleep(1000)
        if self.kind == "crashes" and self.number > 2:
            import os; os.abort()
        if self.kind == "noisy":
            import os; os.write(1, b"a driver says something\\n")
        if self.kind not in ("fast", "sizes"):
            time.sleep(0.005)
        return not (self.kind == "ends" and self.number > 2)
    def retrieve(self, into=None):
        if self.kind == "skips" and self.number % 2:
            return False, None
        height = 480 if self.kind == "fast" else 4
        if self.kind == "sizes":
            height = (4, 300, 5, 700, 6)[self.number % 5]
        shape = (height, 8) if self.kind == "grey" else (height, 8, 3)
        if self.kind == "fast":
            shape = (480, 640, 3)
        level = self.number % 256
        if self.kind == "deep":
            return True, np.zeros(shape, np.uint16)
        if into is None or into.shape != shape:
            return True, np.full(shape, level, np.uint8)
        for row in into:   # slowly, row by row: another process would see half of it
            row[:] = level
        return True, into

main(Camera)
"""


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., CaptureChild]:
    script = tmp_path / "fake.py"
    script.write_text(FAKE)

    def start(kind: str, settings: dict[str, object] | None = None) -> CaptureChild:
        return CaptureChild(kind, settings, (sys.executable, str(script)))

    return start


def read(child: CaptureChild) -> CapturedImage:
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        shot = child.read(0.1)
        if shot is not None:
            return shot
    raise AssertionError("no frame came")


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has collected yet has, too."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True
        if status.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_frames_come_with_their_time(child: Callable) -> None:
    before_s = time.monotonic()
    with child("good") as camera:
        shots = [read(camera) for _ in range(5)]
    assert all(shot.image_bgr.shape == (4, 8, 3) for shot in shots)
    assert all((shot.image_bgr == shot.image_bgr[0, 0, 0]).all() for shot in shots)
    assert shots[0].image_bgr[0, 0, 0] == 1
    times = [before_s, *(shot.monotonic_s for shot in shots), time.monotonic()]
    assert times == sorted(times)
    shots[0].image_bgr[:] = 3  # it is the reader's own


def test_frames_are_never_torn(child: Callable) -> None:
    with child("fast") as camera:
        shots = [read(camera) for _ in range(300)]
    numbers = []
    for shot in shots:
        assert (shot.image_bgr == shot.image_bgr[0, 0, 0]).all()
        numbers.append(int(shot.image_bgr[0, 0, 0]))
    passed = [shot.skipped for shot in shots]
    steps = [(b - a) % 256 for a, b in zip(numbers, numbers[1:], strict=False)]
    assert steps == [(skipped + 1) % 256 for skipped in passed[1:]], "each is counted"


def test_a_slow_reader_skips_frames(child: Callable) -> None:
    with child("good") as camera:
        read(camera)
        deadline_s = time.monotonic() + DEADLINE_S
        skipped = 0
        while skipped < 5 and time.monotonic() < deadline_s:
            time.sleep(0.03)
            skipped += read(camera).skipped
    assert skipped >= 5


def test_a_system_without_memory_descriptors_has_files_without_a_name(
    child: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with child("good") as camera:
        assert read(camera).image_bgr.shape == (4, 8, 3)
        assert "(deleted)" in os.readlink(f"/proc/self/fd/{camera._descriptor}")


def test_the_size_may_change_between_frames(child: Callable) -> None:
    with child("sizes") as camera:
        shots = [read(camera) for _ in range(60)]
    assert {len(shot.image_bgr) for shot in shots} == {4, 300, 5, 700, 6}
    assert all((shot.image_bgr == shot.image_bgr[0, 0, 0]).all() for shot in shots)


def test_grey_frames_become_bgr(child: Callable) -> None:
    with child("grey") as camera:
        assert read(camera).image_bgr.shape == (4, 8, 3)


def test_output_of_a_driver_is_no_message(child: Callable) -> None:
    with child("noisy") as camera:
        assert read(camera).image_bgr.shape == (4, 8, 3)


def test_frames_that_cannot_be_had_are_skipped(child: Callable) -> None:
    with child("skips") as camera:
        assert read(camera).skipped == 1


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("shut", "shut: cannot be opened"),
        ("raises", "raises: .*No such device"),
        ("ends", "ends: ended after 2 frames"),
        ("deep", r"deep: expected frames of uint8 .*received uint16 \(4, 8, 3\)"),
        ("crashes", "crashes: the process that reads this source ended with status -6"),
    ],
)
def test_errors_are_reported(child: Callable, kind: str, message: str) -> None:
    def play() -> None:
        with child(kind) as camera:
            for _ in range(3):
                read(camera)

    with pytest.raises(SourceError, match=message):
        play()


def test_refused_settings_are_reported_in_one_line(
    child: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    with child("good", {"width": 1920, "gain": 7.0, "focus": 3.0}) as camera:
        read(camera)
    (record,) = caplog.records
    assert (
        "good did not accept width 1920 (the camera has 7), focus 3.0 (the camera has 7)"
        in record.getMessage()
    )


def test_a_read_that_hangs_returns_in_time_and_the_process_can_be_ended(child: Callable) -> None:
    with child("hangs") as camera:
        read(camera), read(camera)
        assert camera.read(0.02) is None
        pid = camera.pid
    assert is_gone(pid)


def test_a_killed_process_is_noticed(child: Callable) -> None:
    def play() -> None:
        with child("good") as camera:
            read(camera)
            os.kill(camera.pid, signal.SIGKILL)
            while True:
                read(camera)

    with pytest.raises(SourceError, match="ended with status -9"):
        play()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_only_the_parent_ends_the_process(child: Callable, number: int) -> None:
    with child("good") as camera:
        read(camera)
        os.kill(camera.pid, number)
        for _ in range(5):
            read(camera)


@pytest.mark.parametrize("kind", ["good", "hangs"])
def test_the_process_ends_with_its_parent(tmp_path: Path, kind: str) -> None:
    """Also if its camera hangs; the shared memory has no name that could stay."""
    (tmp_path / "fake.py").write_text(FAKE)
    code = (
        "import sys, time\n"
        "from partsight.sources.capture_child import CaptureChild\n"
        f"child = CaptureChild({kind!r}, None, (sys.executable, sys.argv[1]))\n"
        "while child.read(1) is None: pass\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "fake.py"], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        for process in (pid, parent.pid):
            assert "/dev/shm" not in Path(f"/proc/{process}/maps").read_text()
        parent.kill()
    assert is_gone(pid)


def test_no_descriptor_or_process_is_left(child: Callable) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    with child("good") as camera:
        read(camera)
    before = opened()
    for _ in range(3):
        with child("good") as camera:
            read(camera)
        assert is_gone(camera.pid)
    assert opened() == before


def test_a_failed_start_leaves_nothing_behind() -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError):
        CaptureChild("0", None, ("/nonexistent/python",))
    assert os.listdir("/proc/self/fd") == before


def test_the_address_is_not_among_the_arguments(child: Callable) -> None:
    with child("rtsp://user:pa55word@host/line") as camera:
        read(camera)
        arguments = Path(f"/proc/{camera.pid}/cmdline").read_bytes()
    assert b"pa55word" not in arguments


def test_where_python_does_not_know_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnvironmentFault, match="a Python executable"):
        CaptureChild("0", None, ("", *COMMAND[1:]))


def test_the_process_imports_only_needed_modules(run_python: Callable) -> None:
    done = run_python(
        "-c",
        "import sys, partsight.sources.capture_process\n"
        "print(sorted({'PIL', 'pydantic', 'multiprocessing', 'ai_edge_litert', 'tflite_runtime',"
        " 'partsight.sources.live', 'partsight.sources.folder'} & set(sys.modules)))",
    )
    assert done.stdout == "[]\n", done


def test_a_real_file_goes_through_the_real_process(tmp_path: Path, write_video: Callable) -> None:
    """By FFmpeg, as a stream does."""
    path = write_video(tmp_path / "line.avi", 3)
    levels = []

    def play() -> None:
        with CaptureChild(f"file://{path}") as stream:
            while True:
                levels.append(int(np.median(read(stream).image_bgr)))

    with pytest.raises(SourceError, match=r"line\.avi: ended after \d+ frames"):
        play()
    assert levels
    assert set(levels) <= {*range(18, 23), *range(38, 43), *range(58, 63)}


def test_output_of_a_library_is_no_message(tmp_path: Path) -> None:
    script = tmp_path / "chatty.py"
    script.write_text("print('welcome')\nprint('{', flush=True)\n" + FAKE)
    with CaptureChild("good", None, (sys.executable, str(script))) as camera:
        assert read(camera).image_bgr.shape == (4, 8, 3)
