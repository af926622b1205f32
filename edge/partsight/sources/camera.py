"""Applies camera settings with OpenCV and checks that the camera accepted them.

Called by ``capture_process``; it depends on nothing else of the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partsight.utils.opencv import cv2

__all__ = ["apply_settings"]

# V4L2_EXPOSURE_MANUAL, of <linux/videodev2.h>.
_MANUAL_EXPOSURE = 1
# V4L2's exposure has steps of 100 microseconds.
_STEPS_PER_MS = 10
# Relative tolerance of values read back: cameras round to their own steps.
_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class _Control:
    """An OpenCV property, the setting that switches its automatic mode off, and a scale factor."""

    prop: int
    manual: tuple[int, float] | None = None
    scale: float = 1


# In the order in which they must be set: the format determines the sizes, and the size the rates.
_CONTROLS: Mapping[str, _Control] = {
    "pixel_format": _Control(cv2.CAP_PROP_FOURCC),
    "width": _Control(cv2.CAP_PROP_FRAME_WIDTH),
    "height": _Control(cv2.CAP_PROP_FRAME_HEIGHT),
    "fps": _Control(cv2.CAP_PROP_FPS),
    "exposure_ms": _Control(
        cv2.CAP_PROP_EXPOSURE, (cv2.CAP_PROP_AUTO_EXPOSURE, _MANUAL_EXPOSURE), _STEPS_PER_MS
    ),
    "gain": _Control(cv2.CAP_PROP_GAIN),
    "focus": _Control(cv2.CAP_PROP_FOCUS, (cv2.CAP_PROP_AUTOFOCUS, 0)),
    "white_balance_k": _Control(cv2.CAP_PROP_WB_TEMPERATURE, (cv2.CAP_PROP_AUTO_WB, 0)),
}


def apply_settings(capture: Any, settings: Mapping[str, Any]) -> list[str]:
    """Apply settings to a camera, then read them back.

    Args:
        capture: an opened object with ``set`` and ``get`` of ``cv2.VideoCapture``.
        settings: fields of ``CameraConfig``; None leaves a setting unchanged.

    Returns:
        A description of each setting that the camera did not accept.
    """
    wanted = {name: settings[name] for name in _CONTROLS if settings.get(name) is not None}
    for name, value in wanted.items():
        control = _CONTROLS[name]
        if control.manual is not None:
            capture.set(*control.manual)
        capture.set(control.prop, _number(value) * control.scale)
    # Afterwards, since a later setting may change an earlier one.
    return list(_refused(capture, wanted))


def _refused(capture: Any, wanted: Mapping[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        control = _CONTROLS[name]
        got = float(capture.get(control.prop)) / control.scale
        if abs(got - _number(value)) > _TOLERANCE * abs(_number(value)):
            shown = _fourcc(got) if isinstance(value, str) else f"{got:g}"
            yield f"{name} {value} (the camera has {shown})"


def _number(value: float | str) -> float:
    if isinstance(value, str):
        return float(cv2.VideoWriter.fourcc(*value))
    return float(value)


def _fourcc(number: float) -> str:
    code = int(number) & 0xFFFFFFFF
    text = code.to_bytes(4, "little").decode("latin-1")
    return text if text.isascii() and text.isprintable() and text.strip() else "another"
