"""Image quality of a frame: whether it is dark, bright, blurred or frozen.

Every source checks every frame with ``QualityCheck``: ``live`` those of cameras and streams,
``checked`` those of files and folders. To be fast, brightness and the first test for repetition
use a few rows, and sharpness the middle of the frame. ``benchmarks/sources.py`` measures the cost.
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

__all__ = ["ImageQuality", "Problem", "QualityCheck", "Repeats", "measure", "problem", "repeats"]

# BGR to luma, ITU-R BT.601.
_LUMA_BGR = (0.114, 0.587, 0.299)
# Approximate number of rows and columns that are sampled.
_ROWS, _COLUMNS = 64, 128
# Side in pixels of the square for sharpness; not scaled, since scaling sharpens.
_REGION = 384
# A problem ends when its threshold is passed by a tenth, so that it does not flicker.
_HYSTERESIS = 0.1


@dataclass(frozen=True, slots=True)
class Repeats:
    """Number of identical frames in succession.

    Attributes:
        sample: checksum of some rows.
        whole: checksum of all rows; None if it was not needed yet.
        count: identical frames in succession; 1 if the last frame differs from the one before.
        since_s: time of the first of them, monotonic seconds.
    """

    sample: int
    whole: int | None
    count: int
    since_s: float


@dataclass(frozen=True, slots=True)
class ImageQuality:
    """Measurements of a frame.

    Attributes:
        brightness: mean luma, 0 to 255.
        sharpness: variance of the Laplacian of the luma in the middle; None if not measured.
    """

    brightness: float
    sharpness: float | None


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason why a frame is not fit: state of the source, and measured value and threshold."""

    name: str
    reason: str


def measure(image_bgr: NDArray[np.uint8], *, sharpness: bool) -> ImageQuality:
    """Measure a frame, uint8 (H, W, 3) BGR.

    The variance of the Laplacian is a usual measure of focus: Pech-Pacheco et al., "Diatom
    autofocusing in brightfield microscopy", ICPR 2000.
    """
    height, width = image_bgr.shape[:2]
    rows, columns = max(1, height // _ROWS), max(1, width // _COLUMNS)
    mean_bgr = cv2.mean(np.ascontiguousarray(image_bgr[::rows, ::columns]))
    brightness = sum(weight * mean for weight, mean in zip(_LUMA_BGR, mean_bgr, strict=False))
    return ImageQuality(brightness, _sharpness(image_bgr) if sharpness else None)


def _sharpness(image_bgr: NDArray[np.uint8]) -> float:
    height, width = image_bgr.shape[:2]
    top, left = max(0, (height - _REGION) // 2), max(0, (width - _REGION) // 2)
    region = image_bgr[top : top + _REGION, left : left + _REGION]
    edges = cv2.Laplacian(cv2.cvtColor(region, cv2.COLOR_BGR2GRAY), cv2.CV_16S)
    _, deviation = cv2.meanStdDev(edges)
    return float(deviation[0, 0] ** 2)


def repeats(before: Repeats | None, image_bgr: NDArray[np.uint8], monotonic_s: float) -> Repeats:
    """Count one more frame.

    Most frames differ in the sampled rows by the sensor's noise. Only if these are identical is
    the checksum of the whole frame computed; the first such frame counts without it.
    """
    rows = image_bgr[:: max(1, len(image_bgr) // _ROWS)]
    sample = zlib.crc32(np.ascontiguousarray(rows).data)
    if before is None or sample != before.sample:
        return Repeats(sample, None, 1, monotonic_s)
    whole = zlib.crc32(np.ascontiguousarray(image_bgr).data)
    if before.whole is None or before.whole == whole:
        return Repeats(sample, whole, before.count + 1, before.since_s)
    return Repeats(sample, whole, 1, monotonic_s)


def problem(
    quality: ImageQuality,
    repeated: Repeats,
    monotonic_s: float,
    limits: ConditionsConfig,
    before: str = "",
) -> Problem | None:
    """Return the worst problem of a frame, or None if it is fit for inspection.

    Args:
        quality: measurements of the frame.
        repeated: identical frames, including this one.
        monotonic_s: time of arrival.
        limits: the thresholds.
        before: current state of the source; its threshold has a hysteresis.
    """
    frozen_s = monotonic_s - repeated.since_s
    if 0 < limits.frozen_frames <= repeated.count and frozen_s >= limits.frozen_after_s:
        return Problem(
            "frozen",
            f"the camera is frozen: {repeated.count} identical frames for {frozen_s:.1f} s, "
            f"less than {limits.frozen_frames} or {limits.frozen_after_s:g} s expected",
        )
    room = 255 - limits.bright_above
    dark_below = limits.dark_below * (1 + _HYSTERESIS * (before == "dark"))
    bright_above = limits.bright_above - room * _HYSTERESIS * (before == "bright")
    if quality.brightness < dark_below:
        return Problem("dark", _reason("dark: mean brightness", quality.brightness, dark_below))
    if quality.brightness > bright_above:
        reason = _reason("bright: mean brightness", quality.brightness, bright_above, "most")
        return Problem("bright", reason)
    if quality.sharpness is None or limits.blurred_below is None:
        return None
    blurred_below = limits.blurred_below * (1 + _HYSTERESIS * (before == "blurred"))
    if quality.sharpness < blurred_below:
        return Problem("blurred", _reason("blurred: sharpness", quality.sharpness, blurred_below))
    return None


def _reason(name: str, measured: float, threshold: float, bound: str = "least") -> str:
    return f"the picture is too {name} {measured:.1f}, at {bound} {threshold:.1f} expected"


class QualityCheck:
    """Checks the frames of one source, in order.

    Args:
        limits: the thresholds.
        frozen: whether identical frames in succession are a fault of this source.
        hysteresis: whether a problem ends at another threshold than it begins, for frames of one
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
        """Forget earlier frames; called when the source is opened again."""
        self._repeats: Repeats | None = None
        self._before = ""

    def __call__(self, image_bgr: NDArray[np.uint8], seconds: float) -> Problem | None:
        """Return the problem of the next frame; None if it is fit.

        Args:
            image_bgr: uint8 (H, W, 3) BGR.
            seconds: its time, by any clock.
        """
        limits, repeated = self._limits, Repeats(0, None, 1, seconds)
        if limits.frozen_frames > 0:
            self._repeats = repeated = repeats(self._repeats, image_bgr, seconds)
        quality = measure(image_bgr, sharpness=limits.blurred_below is not None)
        found = problem(quality, repeated, seconds, limits, self._before)
        self._before = found.name if found and self._hysteresis else ""
        return found
