"""From ``[source]`` to what the triggers look at."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from partsight.config.source import CameraConfig, FolderConfig, SourceConfig
from partsight.errors import ConfigError, DatasetError, SourceError
from partsight.image.spec import PreprocessSpec
from partsight.records import Fault, Frame
from partsight.sources import open_frames
from partsight.sources.capture_backend import CapturedImage, ScriptedGrabber
from partsight.sources.frames import NoMoreFrames
from partsight.telemetry.telemetry import Telemetry

SPEC = PreprocessSpec(24, 24)


def test_a_live_address_is_read_by_a_process_with_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    @contextlib.contextmanager
    def opened(*given: Any, **named: Any) -> Iterator[ScriptedGrabber]:
        asked.append((*given, named))
        yield ScriptedGrabber([CapturedImage(np.full((4, 4, 3), 99, np.uint8), 5.0)])

    monkeypatch.setattr("partsight.sources.capture_child.CaptureChild", opened)
    config = SourceConfig(
        address="rtsp://user:secret@host/line",
        camera=CameraConfig(width=640, gain=2.0),
        warm_up_frames=0,
    )
    with open_frames(config, SPEC, Telemetry()) as frames:
        frame = frames.after(0, 60)
    assert isinstance(frame, Frame)
    assert frame.source == "rtsp://***@host/line"
    settings = {"width": 640, "gain": 2.0}
    assert asked == [("rtsp://user:secret@host/line", settings, {})]


def test_a_folder_is_read_once_and_counted(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((30, 30, 3), 90, np.uint8))
    (tmp_path / "b.png").write_bytes(b"no picture")
    telemetry = Telemetry()
    with open_frames(SourceConfig(address=str(tmp_path)), SPEC, telemetry) as frames:
        assert isinstance(frames.after(0, 0), Frame)
        assert isinstance(frames.after(0, 0), Fault)
        with pytest.raises(NoMoreFrames):
            frames.after(0, 0)
    assert telemetry.values()["frames", ""] == 2
    assert telemetry.states()["source"].name == "running"


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({}, ConfigError, "no source is given"),
        ({"address": "missing.avi"}, SourceError, "no source 'missing.avi'"),
        ({"address": "."}, DatasetError, "no pictures in"),
    ],
)
def test_what_cannot_be_opened(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    def opened() -> None:
        with open_frames(SourceConfig(**config), SPEC, Telemetry()):
            pass

    with pytest.raises(error, match=message):
        opened()


def test_a_watched_folder_need_not_be_there(tmp_path: Path) -> None:
    folder = FolderConfig(watch=True)
    config = SourceConfig(address=str(tmp_path / "later"), folder=folder)
    telemetry = Telemetry()
    with open_frames(config, SPEC, telemetry):
        assert telemetry.states()["source"].name == "disconnected"
