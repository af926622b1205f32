"""``[source.conditions]`` applies to every kind of source."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from partsight.config.source import ConditionsConfig, FolderConfig, SourceConfig
from partsight.image.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources.checked import FrameCheck
from partsight.sources.frames import Frames, NoMoreFrames, SequentialFrames
from partsight.sources.image_quality import QualityCheck
from partsight.sources.opening import open_frames
from partsight.sources.scripted import ScriptedSource
from partsight.telemetry.telemetry import Telemetry
from partsight.utils.wall_clock import utc_now

SPEC = PreprocessSpec(64, 64)
FPS = 10


def part(seed: int = 0, mean: float = 120, spread: float = 60) -> np.ndarray:
    """A sharp frame: uint8 (96, 128, 3)."""
    grain = np.random.default_rng(seed).uniform(-spread, spread, (96, 128, 3))
    return np.clip(mean + grain, 0, 255).astype(np.uint8)


UNFIT: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "dark by default": (np.zeros((96, 128, 3), np.uint8), {}),
    "dark as set": (part(mean=16, spread=10), {"dark_below": 30.0}),
    "bright by default": (np.full((96, 128, 3), 255, np.uint8), {}),
    "bright as set": (part(mean=220, spread=20), {"bright_above": 200.0}),
    "blurred as set": (cv2.blur(part(), (31, 31)), {"blurred_below": 50.0}),
}

Give = Callable[[list[np.ndarray], dict[str, Any]], tuple[list[Frame | Fault], Telemetry]]


def all_of(frames: Frames, count: int) -> list[Frame | Fault]:
    events: list[Frame | Fault] = []
    moment = -1.0
    while len(events) < count:
        try:
            event = frames.after(moment, 5)
        except NoMoreFrames:
            break
        assert event is not None
        # As triggers do.
        moment = event.monotonic_s if isinstance(event, Frame) else time.monotonic()
        events.append(event)
    return events


def opened(
    images: list[np.ndarray], conditions: dict[str, Any], address: Path, **source: Any
) -> tuple[list[Frame | Fault], Telemetry]:
    telemetry = Telemetry()
    config = SourceConfig(address=str(address), conditions=ConditionsConfig(**conditions), **source)
    with open_frames(config, SPEC, telemetry) as frames:
        return all_of(frames, len(images)), telemetry


def from_video(
    images: list[np.ndarray], conditions: dict[str, Any], folder: Path, **source: Any
) -> tuple[list[Frame | Fault], Telemetry]:
    path = folder / "line.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (128, 96))
    for image in images:
        writer.write(image)
    writer.release()
    return opened(images, conditions, path, **source)


def from_folder(
    images: list[np.ndarray],
    conditions: dict[str, Any],
    within: Path,
    times: list[float] | None = None,
    **source: Any,
) -> tuple[list[Frame | Fault], Telemetry]:
    place = within / "pictures"
    place.mkdir()
    for number, image in enumerate(images):
        path = within / f"{number:03}.png"
        cv2.imwrite(str(path), image)
        at_s = 1e9 + (number if times is None else times[number])
        os.utime(path, (at_s, at_s))
        path.rename(place / path.name)
    return opened(images, conditions, place, **source)


def from_script(
    images: list[np.ndarray], conditions: dict[str, Any], folder: Path
) -> tuple[list[Frame | Fault], Telemetry]:
    telemetry = Telemetry()
    check = FrameCheck(ConditionsConfig(**conditions), telemetry, lambda frame: frame.index / FPS)
    script = [Frame(image, utc_now(), "script", i) for i, image in enumerate(images)]
    return all_of(SequentialFrames(map(check, ScriptedSource(script))), len(images)), telemetry


WATCHED = {"folder": FolderConfig(watch=True, existing=True, settle_s=0)}
SOURCES: dict[str, Callable[..., Any]] = {
    "video": from_video,
    "video in real time": lambda *given: from_video(*given, realtime=True),
    "folder": from_folder,
    "watched folder": lambda *given: from_folder(*given, **WATCHED),
    "script": from_script,
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("name", UNFIT)
def test_an_unfit_frame_is_a_fault(kind: str, name: str, tmp_path: Path) -> None:
    image, conditions = UNFIT[name]
    (event, *_), telemetry = SOURCES[kind]([image], conditions, tmp_path)
    word = name.split()[0]
    assert isinstance(event, Fault)
    assert f"the picture is too {word}" in event.reason
    assert telemetry.states()["source"].name == word
    assert telemetry.states()["source"].detail == event.reason


@pytest.mark.parametrize("kind", SOURCES)
def test_a_fit_frame_is_passed_and_the_state_is_running_again(kind: str, tmp_path: Path) -> None:
    dark = np.zeros((96, 128, 3), np.uint8)
    events, telemetry = SOURCES[kind]([part(1), dark, part(2)], {"blurred_below": 50.0}, tmp_path)
    seen = [type(event) for event in events]
    if kind == "video in real time":  # of which frames may be dropped
        assert set(seen) <= {Frame, Fault}
    else:
        assert seen == [Frame, Fault, Frame]
    assert telemetry.states()["source"].name == "running"


@pytest.mark.parametrize("kind", ["folder", "watched folder", "script"])
def test_the_check_of_a_file_does_not_depend_on_the_previous_one(kind: str, tmp_path: Path) -> None:
    """A camera's state has hysteresis: a brightness of 21 after a dark frame is still dark."""
    frames = [part(0, 10, 5), part(1, 21, 5), part(2, 10, 5)]
    events, _ = SOURCES[kind](frames, {"dark_below": 20.0}, tmp_path)
    assert [type(event) for event in events] == [Fault, Frame, Fault]


def test_grey_files_have_a_sharpness(tmp_path: Path) -> None:
    for image, expected in ((part()[..., 0], Frame), (cv2.blur(part()[..., 0], (31, 31)), Fault)):
        folder = tmp_path / expected.__name__
        folder.mkdir()
        (event,), _ = from_folder([image], {"blurred_below": 50.0}, folder)
        assert isinstance(event, expected)


SET = {"frozen_frames": 3, "frozen_after_s": 0.2}
SECONDS = [float(number) for number in range(12)]


@pytest.mark.parametrize(
    ("kind", "conditions", "expected"),
    [
        ("video", SET, "FFxxxxxxxxxx"),
        ("video", {"frozen_frames": 6}, "FFFFFFFFFFFF"),  # and 5 s, by default
        ("video", {"frozen_after_s": 0.95}, "FFFFFFFFFFxx"),  # and 10 frames
        ("video", {}, "FFFFFFFFFFFF"),
        ("video", {"frozen_frames": 0}, "FFFFFFFFFFFF"),
        ("folder", {}, "FFFFFFFFFFFF"),
        ("watched folder", SET, "FFxxxxxxxxxx"),
        ("watched folder", {}, "FFFFFFFFFxxx"),
        ("watched folder", {"frozen_frames": 0}, "FFFFFFFFFFFF"),
        ("script", SET, "FFxxxxxxxxxx"),
    ],
)
def test_frozen_where_identical_frames_mean_something(
    kind: str, conditions: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    events, telemetry = SOURCES[kind]([part()] * 12, conditions, tmp_path)
    assert "".join("F" if isinstance(event, Frame) else "x" for event in events) == expected
    assert telemetry.states()["source"].name == ("frozen" if "x" in expected else "running")
    for event in events:
        assert isinstance(event, Frame) or "identical frames" in event.reason


def test_a_video_in_real_time_is_frozen_by_its_own_time(tmp_path: Path) -> None:
    events, telemetry = SOURCES["video in real time"]([part()] * 8, SET, tmp_path)
    assert isinstance(events[-1], Fault)
    assert telemetry.states()["source"].name == "frozen"


@pytest.mark.parametrize(
    ("times", "frozen"),
    [([0.0] * 12, False), (SECONDS, True), ([0.1 * each for each in SECONDS], False)],
    ids=["copied with one time", "a second apart", "within a second"],
)
def test_a_watched_folder_uses_the_times_of_its_files(
    times: list[float], frozen: bool, tmp_path: Path
) -> None:
    events, _ = from_folder([part()] * 12, {}, tmp_path, times, **WATCHED)
    assert isinstance(events[-1], Fault) == frozen


def test_the_state_of_a_watched_folder_stays_until_the_next_file(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dark.png"), np.zeros((9, 9, 3), np.uint8))
    telemetry = Telemetry()
    config = SourceConfig(address=str(tmp_path), **WATCHED)
    with open_frames(config, SPEC, telemetry) as frames:
        assert isinstance(frames.after(0, 5), Fault)
        for _ in range(3):
            assert frames.after(0, 0) is None
            assert telemetry.states()["source"].name == "dark"


def test_the_check_restarts_when_the_source_is_opened_again() -> None:
    check = QualityCheck(ConditionsConfig(frozen_frames=2, frozen_after_s=0.0))
    assert check(part(), 0) is None
    check.restart()
    assert check(part(), 1) is None
    found = check(part(), 2)
    assert found is not None
    assert found.name == "frozen"
