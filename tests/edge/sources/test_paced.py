"""A video at its own speed, on a clock of the test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from partsight.config.source import SourceConfig
from partsight.image.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources import open_frames
from partsight.sources.frames import Frames, NoMoreFrames
from partsight.sources.paced import PacedFrames
from partsight.telemetry.telemetry import Telemetry


class Clock:
    def __init__(self) -> None:
        self.s = 50.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.s

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.s += seconds + 1e-9


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def paced(clock: Clock, make_frame: Callable) -> Callable[..., tuple[PacedFrames, Telemetry]]:
    def make(frames: int, fps: float = 10.0) -> tuple[PacedFrames, Telemetry]:
        telemetry = Telemetry()
        events: Iterator[Frame | Fault] = (make_frame(index, index) for index in range(frames))
        return PacedFrames(events, fps, telemetry, clock=clock, sleep=clock.sleep), telemetry

    return make


def played(frames: Frames) -> Iterator[Frame]:
    moment_s = 0.0
    with contextlib.suppress(NoMoreFrames):
        while True:
            frame = frames.after(moment_s, 30)
            assert isinstance(frame, Frame)
            moment_s = frame.monotonic_s
            yield frame


def test_each_frame_is_given_when_it_is_due(clock: Clock, paced: Callable) -> None:
    frames, telemetry = paced(3)
    seen = [(frame.index, round(clock.s, 3)) for frame in played(frames)]
    assert seen == [(0, 50.0), (1, 50.1), (2, 50.2)]
    assert telemetry.values()["frames", ""] == 3
    assert ("frames_dropped", "") not in telemetry.values()


def test_frames_due_in_the_meantime_are_dropped(clock: Clock, paced: Callable) -> None:
    frames, telemetry = paced(9)
    first = frames.after(0, 5)
    clock.s += 0.45
    assert frames.after(first.monotonic_s, 5).index == 4
    assert telemetry.values()["frames_dropped", ""] == 3


def test_the_frame_after_a_moment_is_the_next_due(clock: Clock, paced: Callable) -> None:
    frames, _ = paced(9)
    frames.after(0, 5)
    clock.s += 0.25
    assert frames.after(clock.s, 5).index == 3


def test_the_wait_ends_at_the_timeout(clock: Clock, paced: Callable) -> None:
    frames, _ = paced(9, fps=0.1)
    first = frames.after(0, 0.5)
    assert frames.after(first.monotonic_s, 0.5) is None
    assert sum(clock.slept) == pytest.approx(0.5)


def test_the_last_frame_is_given_late_rather_than_never(clock: Clock, paced: Callable) -> None:
    frames, _ = paced(3)
    first = frames.after(0, 5)
    clock.s += 99
    assert frames.after(first.monotonic_s, 5).index == 2
    with pytest.raises(NoMoreFrames):
        frames.after(clock.s, 5)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_file_that_does_not_say_how_fast_is_played_as_usual(
    clock: Clock, paced: Callable, fps: float
) -> None:
    frames, _ = paced(2, fps)
    frames.after(frames.after(0, 5).monotonic_s, 5)
    assert clock.s == pytest.approx(50.04)


@pytest.mark.parametrize("realtime", [True, False])
def test_a_real_video(tmp_path: Path, write_video: Callable, realtime: bool) -> None:
    path = write_video(tmp_path / "line.avi", 3)
    telemetry = Telemetry()
    config = SourceConfig(address=str(path), realtime=realtime)
    with open_frames(config, PreprocessSpec(24, 24), telemetry) as frames:
        assert isinstance(frames, PacedFrames) == realtime
        seen = [frame.index for frame in played(frames)]
    assert seen[-1] == 2
    assert telemetry.values()["frames", ""] == 3
    assert telemetry.states()["source"].name == "running"
