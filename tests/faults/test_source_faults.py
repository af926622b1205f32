"""Faults of cameras and streams, with real servers and a real capture process."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.faults.servers import DEADLINE_S, MjpegServer, RtspServer, mjpeg_server

from partsight.config.source import ConditionsConfig, SourceConfig
from partsight.image.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources import open_frames
from partsight.sources.live import LiveFrames
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.backoff import RetryBudget

SPEC = PreprocessSpec(24, 24)
# For tests of silence; elsewhere a busy machine must not look like a silent camera.
IMPATIENT = {"stale_after_s": 0.4, "read_timeout_s": 0.8}


@pytest.fixture(autouse=True)
def _reopened_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partsight.sources.live._FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("partsight.sources.live._LONGEST_WAIT_S", 0.2)
    monkeypatch.setattr("partsight.sources.live._BUDGET", RetryBudget(1000, 600.0))


class Line:
    """A source that is read as by a trigger on each frame, and its states."""

    def __init__(self, address: str, **config: Any) -> None:
        self.telemetry = Telemetry()
        self.states: list[str] = []
        self.telemetry.on_change(lambda part, state: self.states.append(state.name))
        given = {
            "stale_after_s": 30.0,
            "read_timeout_s": 60.0,
            "conditions": ConditionsConfig(frozen_frames=5, frozen_after_s=0.1),
            **config,
        }
        self.held = ExitStack()
        frames = self.held.enter_context(
            open_frames(SourceConfig(address=address, **given), SPEC, self.telemetry)
        )
        assert isinstance(frames, LiveFrames)
        self.frames = frames
        self.moment_s = 0.0

    def until(self, wanted: Callable[[Frame | Fault], bool]) -> Frame | Fault:
        """Take what comes until something is as wanted."""
        deadline_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline_s:
            event = self.frames.after(self.moment_s, 0.1)
            if isinstance(event, Frame):
                assert event.monotonic_s > self.moment_s
                self.moment_s = event.monotonic_s
            if event is not None and wanted(event):
                return event
        raise AssertionError(f"it did not come; the states were {self.states}")

    def until_frame(self, count: int = 1) -> Frame:
        for _ in range(count):
            frame = self.until(lambda event: isinstance(event, Frame))
        assert isinstance(frame, Frame)
        return frame

    def until_fault(self, *words: str) -> Fault:
        fault = self.until(
            lambda event: isinstance(event, Fault) and all(word in event.reason for word in words)
        )
        assert isinstance(fault, Fault)
        return fault

    def went_through(self, *states: str) -> bool:
        """Whether these states came in this order; a busy machine may have added others."""
        came = iter(self.states)
        return all(state in came for state in states)

    @property
    def pid(self) -> int:
        backend: Any = self.frames._backend
        return int(backend.pid)

    def count(self, name: str) -> float:
        return self.telemetry.values().get((name, ""), 0)


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    with mjpeg_server() as server:
        yield server


@pytest.fixture
def start() -> Iterator[Callable[..., Line]]:
    with ExitStack() as held:

        def started(address: str, **config: Any) -> Line:
            line = Line(address, **config)
            held.enter_context(line.held)
            return line

        yield started


def test_a_stream_gives_the_newest_frame(camera: MjpegServer, start: Callable) -> None:
    line = start(camera.address, warm_up_frames=3)
    first = line.until_frame()
    assert first.image_bgr.shape == (120, 160, 3)
    assert first.index == 0
    assert "secret" not in first.source
    later = line.until_frame(20)
    assert later.index >= 20
    assert line.states == ["starting", "running"]
    assert line.count("frames") >= 3 + 21


@pytest.mark.parametrize(
    ("mode", "words", "state"),
    [
        ("drop", ("ended after",), "disconnected"),
        ("refuse", ("ended after",), "disconnected"),
        ("repeat", ("frozen", "identical frames"), "frozen"),
    ],
)
def test_errors_are_reported_and_cleared(
    camera: MjpegServer, start: Callable, mode: str, words: tuple[str, ...], state: str
) -> None:
    line = start(camera.address)
    line.until_frame(3)
    camera.mode = mode
    line.until_fault(*words)
    camera.mode = "good"
    line.until_frame(10)
    assert line.states == ["starting", "running", state, "running"]
    assert (line.count("source_restarts") > 0) == (state == "disconnected")


@pytest.mark.parametrize("mode", ["stall", "damaged"])
def test_silence_is_stale_then_the_stream_is_opened_again(
    camera: MjpegServer, start: Callable, mode: str
) -> None:
    line = start(camera.address, **IMPATIENT)
    line.until_frame(3)
    camera.mode = mode
    line.until_fault("no whole frame for", "stale_after_s")
    line.until_fault("no whole frame for", "read_timeout_s")
    camera.mode = "good"
    line.until_frame(10)
    assert line.went_through("starting", "running", "stale", "disconnected", "running")
    assert line.count("source_restarts") > 0


def test_each_absence_is_announced_once(camera: MjpegServer, start: Callable) -> None:
    camera.mode = "refuse"
    line = start(camera.address)
    line.until_fault("503")
    deadline_s = time.monotonic() + DEADLINE_S
    while line.count("source_restarts") < 4:
        assert line.frames.after(line.moment_s, 0.05) is None
        assert time.monotonic() < deadline_s
    assert line.states == ["starting", "disconnected"]


def test_single_damaged_pictures_are_passed_over(camera: MjpegServer, start: Callable) -> None:
    line = start(camera.address)
    for _ in range(3):
        line.until_frame(3)
        camera.mode, sent = "damaged", camera.sent
        while camera.sent < sent + 2:
            time.sleep(0.005)
        camera.mode = "good"
    line.until_frame(3)
    assert line.states == ["starting", "running"]
    assert line.count("frames_dropped") >= 3


def test_a_server_that_accepts_and_never_answers_is_given_up(start: Callable) -> None:
    """The read in the process blocks for good: only killing it helps."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = start(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/line", open_timeout_s=0.6)
        line.until_fault("no whole frame within 0.6 s")
        deadline_s = time.monotonic() + DEADLINE_S
        while line.count("source_restarts") < 1:
            assert time.monotonic() < deadline_s
            line.frames.after(0, 0.02)
    assert line.states == ["starting", "disconnected"]


def test_a_killed_process_is_started_again(camera: MjpegServer, start: Callable) -> None:
    line = start(camera.address)
    line.until_frame(3)
    os.kill(line.pid, signal.SIGKILL)
    line.until_fault("ended with status -9")
    line.until_frame(3)
    assert line.states == ["starting", "running", "disconnected", "running"]
    assert line.count("source_restarts") == 1


def test_a_process_that_hangs_is_killed_and_started_again(
    camera: MjpegServer, start: Callable
) -> None:
    """Stopped by a signal, like a process that waits for a driver: it does not end or answer."""
    line = start(camera.address, **IMPATIENT)
    line.until_frame(3)
    hanging = line.pid
    os.kill(hanging, signal.SIGSTOP)
    line.until_fault("no whole frame for", "read_timeout_s")
    line.until_frame(3)
    assert line.pid != hanging
    assert not Path(f"/proc/{hanging}").exists()
    assert line.went_through("starting", "running", "stale", "disconnected", "running")


def test_an_rtsp_server_may_be_killed_and_come_back(start: Callable) -> None:
    with RtspServer() as server:
        server.start()
        line = start(server.address, open_timeout_s=20.0, stale_after_s=1.0, read_timeout_s=2.0)
        frame = line.until_frame(5)
        assert frame.image_bgr.shape == (240, 320, 3)
        server.kill()
        line.until_fault(server.address)
        server.start()
        line.until_frame(5)
    assert line.went_through("starting", "running", "disconnected", "running")
    assert line.count("source_restarts") >= 1


def test_an_rtsp_server_may_start_later(start: Callable) -> None:
    with RtspServer() as server:
        line = start(server.address, open_timeout_s=20.0)
        line.until_fault("cannot be opened")
        server.start()
        line.until_frame(3)
    assert line.states[:3] == ["starting", "disconnected", "running"]


def test_a_thousand_frames_leave_nothing_behind(camera: MjpegServer, start: Callable) -> None:
    def held() -> tuple[int, int, int]:
        shared = Path("/proc/self/maps").read_text().count("partsight-frames")
        return len(os.listdir("/proc/self/fd")), threading.active_count(), shared

    camera.pause_s = 0.001
    line = start(camera.address)
    line.until_frame()
    before = held()
    line.until_frame(1000)
    assert held() == before
    for _ in range(3):
        os.kill(line.pid, signal.SIGKILL)
        line.until_fault("ended with status -9")
        line.until_frame()
    deadline_s = time.monotonic() + DEADLINE_S
    while held() != before and time.monotonic() < deadline_s:
        time.sleep(0.01)  # the server's threads end when they next write
    assert held() == before
    assert before[2] == 1
    line.held.close()
    assert held()[2] == 0
    assert len(os.listdir("/proc/self/fd")) < before[0]
    assert not any(thread.name == "capture" for thread in threading.enumerate())
