"""A camera's settings: their order, and the report of refused ones."""

from __future__ import annotations

from typing import Any

import cv2
import pytest

from partsight.config.source import CameraConfig
from partsight.sources.camera import apply_settings


class FakeCamera:
    """Accepts settings, unless it has a fixed value for the property."""

    def __init__(self, has: dict[int, float] | None = None) -> None:
        self.has = has or {}
        self.asked: list[tuple[int, float]] = []

    def set(self, prop: int, value: float) -> bool:
        self.asked.append((prop, value))
        return True

    def get(self, prop: int) -> float:
        return self.has.get(prop, dict(self.asked).get(prop, 0.0))


ALL: dict[str, Any] = {
    "width": 1920,
    "height": 1080,
    "fps": 30.0,
    "pixel_format": "MJPG",
    "exposure_ms": 2.5,
    "gain": 4.0,
    "focus": 120.0,
    "white_balance_k": 4600,
}


def test_every_field_of_the_configuration_is_a_setting() -> None:
    assert set(CameraConfig.model_fields) == set(ALL)


def test_the_format_is_set_first_and_automatic_modes_are_switched_off() -> None:
    camera = FakeCamera()
    assert apply_settings(camera, CameraConfig(**ALL).model_dump()) == []
    assert camera.asked == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1920),
        (cv2.CAP_PROP_FRAME_HEIGHT, 1080),
        (cv2.CAP_PROP_FPS, 30),
        (cv2.CAP_PROP_AUTO_EXPOSURE, 1),
        (cv2.CAP_PROP_EXPOSURE, 25),
        (cv2.CAP_PROP_GAIN, 4),
        (cv2.CAP_PROP_AUTOFOCUS, 0),
        (cv2.CAP_PROP_FOCUS, 120),
        (cv2.CAP_PROP_AUTO_WB, 0),
        (cv2.CAP_PROP_WB_TEMPERATURE, 4600),
    ]


@pytest.mark.parametrize("settings", [{}, CameraConfig().model_dump()])
def test_unset_settings_are_unchanged(settings: dict[str, Any]) -> None:
    camera = FakeCamera()
    assert apply_settings(camera, settings) == []
    assert camera.asked == []


@pytest.mark.parametrize(
    ("settings", "has", "said"),
    [
        ({"width": 1920}, {cv2.CAP_PROP_FRAME_WIDTH: 1280}, ["width 1920 (the camera has 1280)"]),
        ({"fps": 30.0}, {cv2.CAP_PROP_FPS: 29.97}, []),
        ({"fps": 30.0}, {cv2.CAP_PROP_FPS: 25}, ["fps 30.0 (the camera has 25)"]),
        (
            {"exposure_ms": 5.0},
            {cv2.CAP_PROP_EXPOSURE: 157},
            ["exposure_ms 5.0 (the camera has 15.7)"],
        ),
        ({"focus": 0.0}, {cv2.CAP_PROP_FOCUS: -1}, ["focus 0.0 (the camera has -1)"]),
        (
            {"pixel_format": "MJPG"},
            {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV")},
            ["pixel_format MJPG (the camera has YUYV)"],
        ),
        (
            {"pixel_format": "MJPG", "gain": 3.0},
            {cv2.CAP_PROP_FOURCC: -1, cv2.CAP_PROP_GAIN: 0},
            ["pixel_format MJPG (the camera has another)", "gain 3.0 (the camera has 0)"],
        ),
    ],
)
def test_refused_settings_are_returned(
    settings: dict[str, Any], has: dict[int, float], said: list[str]
) -> None:
    assert apply_settings(FakeCamera(has), settings) == said
