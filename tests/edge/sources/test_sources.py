"""Sources of frames, and their ends."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from partsight.errors import DatasetError, SourceError
from partsight.image.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources import CaptureSource, FolderSource, ScriptedSource, open_source

SPEC = PreprocessSpec(24, 24)
START = datetime(2024, 5, 6, tzinfo=timezone.utc)
# Motion JPEG of a plain grey frame, levels of 255.
MJPEG_LEVEL = 3


class FakeCapture:
    """A camera that shows its script, and then nothing more."""

    def __init__(self, script: list[tuple[bool, np.ndarray | None]], announced: float = 0) -> None:
        self.script = iter(script)
        self.announced = announced
        self.released = 0
        self.opens = True

    def isOpened(self) -> bool:  # noqa: N802
        return self.opens

    def read(self) -> tuple[bool, np.ndarray | None]:
        return next(self.script, (False, None))

    def get(self, prop: int) -> float:
        assert prop == cv2.CAP_PROP_FRAME_COUNT
        return self.announced

    def release(self) -> None:
        self.released += 1


def image(value: int) -> np.ndarray:
    return np.full((4, 4, 3), value, np.uint8)


def test_a_video_gives_its_frames(
    tmp_path: Path, write_video: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(tmp_path / "line.avi", 5)

    with open_source(str(path), SPEC) as source:
        frames = list(source)

    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert {frame.source for frame in frames} == {str(path)}
    assert all(frame.captured_at.tzinfo for frame in frames)
    for index, frame in enumerate(frames):
        assert frame.image_bgr.shape == (48, 64, 3)
        assert np.abs(frame.image_bgr.astype(int) - 20 * (index + 1)).max() <= MJPEG_LEVEL
    assert not caplog.records


@pytest.mark.parametrize(
    "content",
    [b"", b"this is no video\n" * 100, bytes(10_000)],
    ids=["empty", "text", "zeros"],
)
def test_garbage_is_no_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "line.mp4"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=r"cannot open the video .*line\.mp4"):
        open_source(str(path), SPEC)


def test_a_video_cut_off_before_its_first_frame_is_an_error(
    tmp_path: Path, write_video: Callable
) -> None:
    path = write_video(tmp_path / "line.avi", 5)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"movi") + 4])

    def read() -> None:
        with open_source(str(path), SPEC) as source:
            list(source)

    with pytest.raises(SourceError, match=r"line\.avi"):
        read()


def test_a_truncated_video_gives_its_frames_and_a_warning(
    tmp_path: Path, write_video: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(tmp_path / "line.avi", 8)
    content = path.read_bytes()
    head = content.index(b"movi")
    path.write_bytes(content[: head + (len(content) - head) * 6 // 10])

    with open_source(str(path), SPEC) as source:
        frames = list(source)

    assert 0 < len(frames) < 8
    assert f"ends after {len(frames)} of the 8 frames" in caplog.text


def test_fewer_frames_than_announced_are_said(caplog: pytest.LogCaptureFixture) -> None:
    capture = FakeCapture([(True, image(1)), (True, image(2))], announced=9)

    with (
        caplog.at_level(logging.WARNING, "partsight"),
        CaptureSource("cut.avi", live=False, open_capture=lambda _: capture) as source,
    ):
        assert len(list(source)) == 2

    (record,) = caplog.records
    assert record.getMessage().startswith("cut.avi ends after 2 of the 9 frames")


def test_a_camera_gives_frames_with_their_time(make_frame: Callable) -> None:
    capture = FakeCapture([(True, image(1)), (True, image(2))])
    times = (START + timedelta(seconds=second) for second in range(9))
    asked: list[object] = []

    def open_capture(address: object) -> FakeCapture:
        asked.append(address)
        return capture

    source = CaptureSource(3, live=True, open_capture=open_capture, now=lambda: next(times))
    events = iter(source)
    first, second = next(events), next(events)

    assert asked == [3]
    assert isinstance(first, Frame)
    assert (first.captured_at, first.source, first.index) == (START, "3", 0)
    assert (second.captured_at, second.index) == (START + timedelta(seconds=1), 1)
    assert (second.image_bgr == 2).all()


@pytest.mark.parametrize("last", [(False, None), (True, None)], ids=["no frame", "success of none"])
def test_a_camera_that_stops_is_an_error(last: tuple[bool, None]) -> None:
    capture = FakeCapture([(True, image(1)), last])
    received = []

    def read() -> None:
        with CaptureSource(0, live=True, open_capture=lambda _: capture) as source:
            received.extend(source)

    with pytest.raises(SourceError, match="0: ended after 1 frame[.]"):
        read()
    assert len(received) == 1
    assert capture.released == 1


def test_a_capture_that_does_not_open_is_released_and_named() -> None:
    capture = FakeCapture([])
    capture.opens = False

    with pytest.raises(SourceError, match="cannot open the camera or stream 7"):
        CaptureSource(7, live=True, open_capture=lambda _: capture)
    assert capture.released == 1


def test_a_folder_gives_its_pictures_by_name_and_faults_in_their_place(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "d.png"):
        cv2.imwrite(str(tmp_path / name), image(ord(name[0])))
    (tmp_path / "c.png").write_bytes(b"no picture")
    os.utime(tmp_path / "a.png", (START.timestamp(), START.timestamp()))

    with open_source(str(tmp_path), SPEC) as source:
        events = list(source)

    assert isinstance(source, FolderSource)
    assert [event.source for event in events] == [str(tmp_path / f"{n}.png") for n in "abcd"]
    assert [event.index for event in events] == [0, 1, 2, 3]
    assert [isinstance(event, Fault) for event in events] == [False, False, True, False]
    assert "not an image" in events[2].reason
    assert events[2].captured_at.tzinfo is not None
    assert events[0].captured_at == START
    assert (events[1].image_bgr == ord("b")).all()


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no pictures in"):
        open_source(str(tmp_path), SPEC)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("0", (0, True)),
        ("12", (12, True)),
        ("/dev/video3", ("/dev/video3", True)),
        ("rtsp://host/stream", ("rtsp://host/stream", True)),
        ("http://host/stream.mjpg", ("http://host/stream.mjpg", True)),
        ("file.avi", ("file.avi", False)),
    ],
)
def test_an_address_is_classified_by_its_form(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    expected: tuple[int | str, bool],
) -> None:
    def note(address: int | str, *, live: bool) -> tuple[int | str, bool]:
        return address, live

    monkeypatch.chdir(tmp_path)
    Path("file.avi").touch()
    monkeypatch.setattr("partsight.sources.opening.CaptureSource", note)

    assert open_source(address, SPEC) == expected


@pytest.mark.parametrize("address", ["missing.avi", "", "-1", "camera"])
def test_an_invalid_source_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises((SourceError, DatasetError)):
        open_source(address, SPEC)


def test_a_script_plays_frames_faults_and_errors(make_frame: Callable) -> None:
    fault = Fault("dark", START, "script", 1)
    script = [make_frame(1), fault, SourceError("unplugged")]
    with ScriptedSource(script) as source:
        events = iter(source)
        assert [next(events), next(events)] == script[:2]
        with pytest.raises(SourceError, match="unplugged"):
            next(events)
