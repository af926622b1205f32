"""Whether a frame is fit for inspection: dark, bright, blurred or frozen.

Input: a frame. Output: what was measured of it, and its condition, in words. Every source checks
every frame by ``ConditionCheck``: ``live`` those of cameras and streams, ``checked`` those of
files and folders. So it is made to cost little: brightness and the first look for repetition
take a few of the rows, sharpness the middle of the frame. What that takes for 1920 x 1080 is in
``benchmarks/sources.py``.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partsight.utils.opencv import cv2

if TYPE_CHECKING:
    from partsight.config.source import ConditionsConfig

__all__ = ["Condition", "ConditionCheck", "Looks", "Repeats", "condition", "look", "repeats"]

# BGR to luma, ITU-R BT.601.
_LUMA_BGR = (0.114, 0.587, 0.299)
# About so many rows and columns are looked at.
_ROWS, _COLUMNS = 64, 128
# The side of the square whose sharpness is measured, pixels: not scaled, since scaling sharpens.
_REGION = 384
# A condition ends where its threshold is passed by a tenth, so that it does not flicker.
_HYSTERESIS = 0.1


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often the same picture came in succession.

    Attributes:
        sample: checksum of some rows.
        whole: checksum of all rows; None where that was not needed yet.
        count: identical frames in succession, 1 where the last differs from the one before.
        since_s: when the first of them arrived, monotonic seconds.
    """

    sample: int
    whole: int | None
    count: int
    since_s: float


@dataclass(frozen=True, slots=True)
class Looks:
    """What is measured of a frame.

    Attributes:
        brightness: mean luma, 0 to 255.
        sharpness: variance of the Laplacian of the luma in the middle; None where not asked.
    """

    brightness: float
    sharpness: float | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A named state of the source, and the measured value and threshold behind it."""

    name: str
    reason: str


def look(image_bgr: NDArray[np.uint8], *, sharpness: bool) -> Looks:
    """Measure a frame, uint8 (H, W, 3) BGR.

    The variance of the Laplacian is a usual measure of focus: Pech-Pacheco et al., "Diatom
    autofocusing in brightfield microscopy", ICPR 2000.
    """
    height, width = image_bgr.shape[:2]
    rows, columns = max(1, height // _ROWS), max(1, width // _COLUMNS)
    mean_bgr = cv2.mean(np.ascontiguousarray(image_bgr[::rows, ::columns]))
    brightness = sum(weight * mean for weight, mean in zip(_LUMA_BGR, mean_bgr, strict=False))
    return Looks(brightness, _sharpness(image_bgr) if sharpness else None)


def _sharpness(image_bgr: NDArray[np.uint8]) -> float:
    height, width = image_bgr.shape[:2]
    top, left = max(0, (height - _REGION) // 2), max(0, (width - _REGION) // 2)
    region = image_bgr[top : top + _REGION, left : left + _REGION]
    edges = cv2.Laplacian(cv2.cvtColor(region, cv2.COLOR_BGR2GRAY), cv2.CV_16S)
    _, deviation = cv2.meanStdDev(edges)
    return float(deviation[0, 0] ** 2)


def repeats(before: Repeats | None, image_bgr: NDArray[np.uint8], monotonic_s: float) -> Repeats:
    """Go on counting with one more frame.

    Most frames differ in the first rows that are looked at, by the sensor's noise. Only where
    these are the same is the whole picture summed; the first such frame is counted on trust.
    """
    rows = image_bgr[:: max(1, len(image_bgr) // _ROWS)]
    sample = zlib.crc32(np.ascontiguousarray(rows).data)
    if before is None or sample != before.sample:
        return Repeats(sample, None, 1, monotonic_s)
    whole = zlib.crc32(np.ascontiguousarray(image_bgr).data)
    if before.whole is None or before.whole == whole:
        return Repeats(sample, whole, before.count + 1, before.since_s)
    return Repeats(sample, whole, 1, monotonic_s)


def condition(
    looks: Looks,
    repeated: Repeats,
    monotonic_s: float,
    limits: ConditionsConfig,
    before: str = "",
) -> Condition | None:
    """What keeps a frame from being judged.

    Args:
        looks: of the frame.
        repeated: with the frame counted.
        monotonic_s: when the frame arrived.
        limits: the thresholds.
        before: the state that the source is in; its threshold is harder to leave than to reach.

    Returns:
        The worst condition, or None where the frame is fit.
    """
    frozen_s = monotonic_s - repeated.since_s
    if 0 < limits.frozen_frames <= repeated.count and frozen_s >= limits.frozen_after_s:
        return Condition(
            "frozen",
            f"the camera is frozen: {repeated.count} identical frames for {frozen_s:.1f} s, "
            f"less than {limits.frozen_frames} or {limits.frozen_after_s:g} s expected",
        )
    room = 255 - limits.bright_above
    dark_below = limits.dark_below * (1 + _HYSTERESIS * (before == "dark"))
    bright_above = limits.bright_above - room * _HYSTERESIS * (before == "bright")
    if looks.brightness < dark_below:
        return Condition("dark", _told("dark: mean brightness", looks.brightness, dark_below))
    if looks.brightness > bright_above:
        reason = _told("bright: mean brightness", looks.brightness, bright_above, "most")
        return Condition("bright", reason)
    if looks.sharpness is None or limits.blurred_below is None:
        return None
    blurred_below = limits.blurred_below * (1 + _HYSTERESIS * (before == "blurred"))
    if looks.sharpness < blurred_below:
        return Condition("blurred", _told("blurred: sharpness", looks.sharpness, blurred_below))
    return None


def _told(what: str, measured: float, threshold: float, bound: str = "least") -> str:
    return f"the picture is too {what} {measured:.1f}, at {bound} {threshold:.1f} expected"


class ConditionCheck:
    """Checks the frames of one source, in order.

    Args:
        limits: the thresholds.
        frozen: whether identical frames in succession are a fault of this source.
        hysteresis: whether a condition is harder to leave than to reach, for frames of one
            camera that follow each other closely.
    """

    def __init__(
        self, limits: ConditionsConfig, *, frozen: bool = True, hysteresis: bool = True
    ) -> None:
        off = {} if frozen else {"frozen_frames": 0}
        self._limits = limits.model_copy(update=off)
        self._hysteresis = hysteresis
        self.restart()

    def restart(self) -> None:
        """The source was opened again: frames before this count no more."""
        self._repeats: Repeats | None = None
        self._before = ""

    def __call__(self, image_bgr: NDArray[np.uint8], seconds: float) -> Condition | None:
        """The condition of one more frame, uint8 (H, W, 3) BGR; None where it is fit.

        Args:
            image_bgr: the frame.
            seconds: its time, by any clock.
        """
        limits, repeated = self._limits, Repeats(0, None, 1, seconds)
        if limits.frozen_frames > 0:
            self._repeats = repeated = repeats(self._repeats, image_bgr, seconds)
        looks = look(image_bgr, sharpness=limits.blurred_below is not None)
        found = condition(looks, repeated, seconds, limits, self._before)
        self._before = found.name if found and self._hysteresis else ""
        return found
