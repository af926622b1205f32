"""A faulty live source, step by step with simulated time."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from partsight.config.source import SourceConfig
from partsight.errors import EnvironmentFault, SourceError
from partsight.records import Fault, Frame
from partsight.sources.capture_backend import CapturedImage, ScriptedCapture
from partsight.sources.live import LiveFrames
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.backoff import Backoff, RetryBudget

NOW = datetime(2024, 5, 6, tzinfo=timezone.utc)
CONFIG = SourceConfig(
    warm_up_frames=0,
    open_timeout_s=10.0,
    stale_after_s=2.0,
    read_timeout_s=5.0,
)
Event = CapturedImage | None | Exception | float | int


class Clock:
    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s

    def forward(self, seconds: float) -> None:
        self.s += seconds


class Bench:
    """A live source whose openings are scripts: a level is a frame, a float a silence so long."""

    def __init__(self, *openings: Iterable[Event] | Exception, config: SourceConfig = CONFIG):
        self.clock, self.telemetry = Clock(), Telemetry()
        self.openings = iter(openings)
        self.left = 0
        self.states: list[tuple[str, str]] = []
        self.telemetry.on_change(lambda part, state: self.states.append((state.name, state.detail)))
        self.live = LiveFrames(
            "cam",
            self.open,
            config,
            self.telemetry,
            backoff=Backoff(1.0, 8.0, lambda: 1.0, RetryBudget(failures=3, window_s=1000.0)),
            clock=self.clock,
            now=lambda: NOW,
            idle=self.clock.forward,
        )

    def open(self) -> contextlib.AbstractContextManager[ScriptedCapture]:
        opening = next(self.openings)
        if isinstance(opening, Exception):
            raise opening

        @contextlib.contextmanager
        def opened():
            yield ScriptedCapture(self.played(opening))
            self.left += 1

        return opened()

    def played(self, opening: Iterable[Event]) -> Iterable[CapturedImage | None | Exception]:
        for event in opening:
            if isinstance(event, float):
                self.clock.forward(event)
                yield None
            elif isinstance(event, int):
                self.clock.forward(0.04)
                # Noise of a sensor: a frame is never that before.
                yield CapturedImage(noisy(event, int(self.clock.s * 1000)), self.clock.s)
            else:
                yield event

    def steps(self, count: int) -> list[str]:
        for _ in range(count):
            self.live.step()
        return self.names

    @property
    def names(self) -> list[str]:
        """The states after the first."""
        first, *others = [name for name, _ in self.states]
        assert first == "starting"
        return others

    def count(self, name: str) -> float:
        return self.telemetry.values().get((name, ""), 0)


def noisy(level: int, seed: int) -> np.ndarray:
    picture = np.full((8, 8, 3), level, np.uint8)
    picture[0, 0] = (seed % 251, seed // 251 % 251, level)
    return picture


def still(count: int, clock_step_s: float = 1.0) -> Callable[[Clock], Iterable[CapturedImage]]:
    def play(clock: Clock) -> Iterable[CapturedImage]:
        for _ in range(count):
            clock.forward(clock_step_s)
            yield CapturedImage(np.full((8, 8, 3), 99, np.uint8), clock.s)

    return play


def test_frames_have_source_time_and_index() -> None:
    bench = Bench([90, 91])
    bench.steps(2)
    frame = bench.live.after(0, 0)
    assert isinstance(frame, Frame)
    assert (frame.source, frame.index, frame.captured_at) == ("cam", 0, NOW)
    assert frame.monotonic_s == pytest.approx(100.04)
    assert frame.image_bgr[5, 5, 0] == 90
    bench.steps(1)
    assert bench.live.after(frame.monotonic_s, 0).index == 1
    assert bench.names == ["running"]


def test_a_configured_delay_makes_frames_older() -> None:
    config = CONFIG.model_copy(update={"delay_s": 0.3})
    bench = Bench([90, 91, 0.2, 92], config=config)
    bench.steps(3)
    trigger_s = bench.clock.s
    bench.steps(2)
    assert bench.live.after(trigger_s, 0) is None, "it was on its way when the trigger came"
    frame = bench.live.after(0, 0)
    assert frame.monotonic_s == pytest.approx(bench.clock.s - 0.3)
    assert NOW - frame.captured_at == timedelta(seconds=0.3)
    assert bench.names == ["running"]


def test_a_newer_frame_replaces_an_unused_one() -> None:
    bench = Bench([90, 91, 92, CapturedImage(noisy(93, 1), 200.0, skipped=4)])
    bench.steps(4)
    assert bench.live.after(0, 0).image_bgr[5, 5, 0] == 92
    bench.steps(1)
    assert bench.count("frames") == 8
    assert bench.count("frames_dropped") == 2 + 4


def test_the_first_frames_of_each_opening_are_skipped() -> None:
    config = CONFIG.model_copy(update={"warm_up_frames": 2})
    bench = Bench([0, 0, 90, SourceError("gone")], [255, 255, 91], config=config)
    bench.steps(4)
    assert bench.live.after(0, 0).image_bgr[5, 5, 0] == 90
    bench.steps(1)
    while not bench.count("source_restarts"):
        bench.steps(1)
    bench.steps(3)
    assert bench.live.after(0, 0).image_bgr[5, 5, 0] == 91
    assert bench.names == ["running", "disconnected", "running"]


def test_states_are_entered_and_left_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench([90, 1, 2, 1, 254, 254, 90, 91])
    caplog.clear()
    with caplog.at_level(logging.INFO, "partsight"):
        assert bench.steps(9) == ["running", "dark", "bright", "running"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "source is running",
        "source is dark",
        "source is bright",
        "source is running",
    ]


@pytest.mark.parametrize(
    ("level", "reason"),
    [(2, "too dark: mean brightness"), (253, "too bright: mean brightness 25")],
)
def test_each_unfit_image_is_a_fault(level: int, reason: str) -> None:
    bench = Bench([level, level])
    for index in range(2):
        bench.steps(2 - index)
        fault = bench.live.after(0, 0)
        assert isinstance(fault, Fault)
        assert reason in fault.reason
        assert "expected" in fault.reason
        assert (fault.index, fault.source) == (index, "cam")
        assert bench.live.after(0, 0) is None


def test_blur_is_measured_only_with_a_threshold() -> None:
    conditions = CONFIG.conditions.model_copy(update={"blurred_below": 500.0})
    config = CONFIG.model_copy(update={"conditions": conditions})
    checks = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((2, 2)))[..., None]
    sharp = np.repeat(checks * 255, 3, 2).astype(np.uint8)
    bench = Bench([90, CapturedImage(sharp, 101.0)], config=config)
    assert bench.steps(3) == ["blurred", "running"]


def test_the_same_picture_over_and_over_is_frozen() -> None:
    bench = Bench()
    bench.openings = iter([still(11)(bench.clock)])
    bench.steps(10)
    assert isinstance(bench.live.after(0, 0), Frame)
    bench.steps(1)
    fault = bench.live.after(0, 0)
    assert "10 identical frames for 9.0 s" in fault.reason
    assert bench.names == ["running", "frozen"]


def test_silence_is_stale_then_killed_then_opened_again() -> None:
    bench = Bench([90, 1.9, 0.2, 1.0, 2.0], [91])
    bench.steps(3)
    used = bench.live.after(0, 0)
    assert bench.names == ["running"]
    bench.steps(1)
    fault = bench.live.after(used.monotonic_s, 0)
    assert isinstance(fault, Fault)
    assert "no whole frame for 2.1 s" in fault.reason
    assert "every 2 s" in fault.reason
    assert bench.live.after(used.monotonic_s, 0) is None, "reported once"
    bench.steps(2)
    assert bench.left == 1
    fault = bench.live.after(used.monotonic_s, 0)
    assert "no whole frame for 5.1 s, at most 5 s" in fault.reason
    assert bench.live.after(used.monotonic_s, 0) is None
    while not bench.count("source_restarts"):
        bench.steps(1)
    bench.steps(1)
    assert bench.names == ["running", "stale", "disconnected", "running"]
    assert bench.live.after(used.monotonic_s, 0).index == 1


def test_an_old_frame_is_still_that_after_its_moment() -> None:
    bench = Bench([90, 3.0])
    bench.steps(3)
    assert isinstance(bench.live.after(0, 0), Frame)
    assert isinstance(bench.live.after(101, 0), Fault)


def test_a_source_without_frames_is_closed() -> None:
    bench = Bench([4.0, 4.0, 4.0], [])
    bench.steps(3)
    assert bench.names == []
    bench.steps(1)
    (_, (name, detail)) = bench.states
    assert name == "disconnected"
    assert "cam gave no whole frame within 10 s" in detail
    assert bench.left == 1


@pytest.mark.parametrize(
    "error",
    [
        SourceError("cannot be opened"),
        OSError(24, "Too many open files"),
        MemoryError(),
        EnvironmentFault("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_opening_is_tried_again(error: Exception) -> None:
    bench = Bench(error, error, [90])
    bench.steps(1)
    assert isinstance(bench.live.after(0, 0), Fault)
    bench.steps(200)
    assert bench.names == ["disconnected", "running"]
    assert bench.count("source_restarts") == 2
    assert bench.live.after(0, 0).image_bgr[5, 5, 0] == 90


def test_waits_double_and_the_budget_ends_the_quick_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(*[[90, SourceError("it dies")] for _ in range(6)])
    opened_at: list[float] = []
    inner = bench.open
    bench.live._open = lambda: (opened_at.append(bench.clock.s), inner())[1]
    while len(opened_at) < 6:
        bench.steps(1)
    waits = [round(b - a) for a, b in zip(opened_at, opened_at[1:], strict=False)]
    assert waits == [1, 1, 1, 8, 8]
    bench.steps(2)
    assert "more than 3 attempts in 1000 s" in bench.telemetry.states()["source"].detail


def test_the_budget_that_runs_out_while_disconnected_is_in_the_detail() -> None:
    bench = Bench(*[SourceError("no such camera")] * 9)
    bench.steps(1)
    assert "attempts" not in bench.telemetry.states()["source"].detail
    bench.steps(400)
    state = bench.telemetry.states()["source"]
    assert state.name == "disconnected"
    assert "the next attempts are 8 s apart" in state.detail
    assert len(bench.states) == 2, "one line in the log"


def test_the_age_of_the_last_frame_is_known() -> None:
    bench = Bench([90, 1.5])
    bench.steps(3)
    assert bench.telemetry.values()["frame_age_seconds", ""] == pytest.approx(1.5)


def test_a_defect_of_the_thread_is_reported_and_blocks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[object] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)

    def fail() -> contextlib.AbstractContextManager[ScriptedCapture]:
        raise ZeroDivisionError

    with (
        LiveFrames("cam", fail, CONFIG, Telemetry()) as live,
        pytest.raises(SourceError, match="an error in partsight"),
    ):
        live.after(0, 60)
    live._thread.join(30)
    assert len(reported) == 1


def test_the_thread_takes_frames_and_ends_with_the_block() -> None:
    left = threading.Event()

    @contextlib.contextmanager
    def opened():
        yield ScriptedCapture([CapturedImage(noisy(90, 1), 5.0)])
        left.set()

    with LiveFrames("cam", opened, CONFIG, Telemetry()) as live:
        assert isinstance(live.after(0, 60), Frame)
        thread = live._thread
    assert not thread.is_alive()
    assert left.is_set()
