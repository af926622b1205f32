"""Image quality: measurements and thresholds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.config.source import ConditionsConfig
from partsight.sources.image_quality import ImageQuality, Repeats, measure, problem, repeats

FRESH = Repeats(0, None, 1, 0.0)
RNG = np.random.default_rng(0)


def plain(level: int, hw: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*hw, 3), level, np.uint8)


@given(st.integers(0, 255), st.integers(1, 300), st.integers(1, 300))
def test_the_brightness_of_a_plain_picture_is_its_level(
    level: int, height: int, width: int
) -> None:
    looks = measure(plain(level, (height, width)), sharpness=False)
    assert looks.brightness == pytest.approx(level)
    assert looks.sharpness is None


def test_brightness_weighs_colours_like_the_eye() -> None:
    levels = []
    for channel in range(3):
        picture = plain(0)
        picture[:, :, channel] = 255
        levels.append(measure(picture, sharpness=False).brightness / 255)
    assert levels == pytest.approx([0.114, 0.587, 0.299])


def test_the_sample_stands_for_the_whole() -> None:
    """A sampled mean of a noisy picture is within what 8,000 samples of it allow."""
    noise = RNG.integers(0, 256, (1080, 1920, 3), np.uint8)
    assert measure(noise, sharpness=False).brightness == pytest.approx(127.5, abs=3)


def test_an_image_out_of_focus_is_less_sharp() -> None:
    sharp = RNG.integers(0, 256, (480, 640, 3), np.uint8)
    soft = cv2.GaussianBlur(sharp, (0, 0), 3)
    measured = [measure(picture, sharpness=True).sharpness for picture in (sharp, soft, plain(9))]
    assert measured[0] > 100 * measured[1] > 0
    assert measured[2] == 0


def test_sharpness_is_measured_in_the_middle_only() -> None:
    picture = RNG.integers(0, 256, (900, 900, 3), np.uint8)
    picture[250:650, 250:650] = 128
    assert measure(picture, sharpness=True).sharpness == 0


@pytest.mark.parametrize(
    ("looks", "limits", "before", "expected"),
    [
        (ImageQuality(4.9, None), {}, "", "dark"),
        (ImageQuality(5.0, None), {}, "", None),
        (ImageQuality(5.4, None), {}, "dark", "dark"),
        (ImageQuality(5.6, None), {}, "dark", None),
        (ImageQuality(5.4, None), {}, "running", None),
        (ImageQuality(0.0, None), {"dark_below": 0.0}, "", None),
        (ImageQuality(250.1, None), {}, "", "bright"),
        (ImageQuality(249.7, None), {}, "bright", "bright"),
        (ImageQuality(249.4, None), {}, "bright", None),
        (ImageQuality(255.0, None), {"bright_above": 255.0}, "", None),
        (ImageQuality(99.0, 9.0), {"blurred_below": 10.0}, "", "blurred"),
        (ImageQuality(99.0, 10.5), {"blurred_below": 10.0}, "blurred", "blurred"),
        (ImageQuality(99.0, 11.5), {"blurred_below": 10.0}, "blurred", None),
        (ImageQuality(99.0, 0.0), {}, "", None),
        (ImageQuality(1.0, 0.0), {"blurred_below": 10.0}, "", "dark"),
    ],
)
def test_thresholds(
    looks: ImageQuality, limits: dict[str, float], before: str, expected: str | None
) -> None:
    found = problem(looks, FRESH, 0.0, ConditionsConfig(**limits), before)
    assert (found and found.name) == expected
    if found:
        assert "expected" in found.reason
        assert any(f"{value:.1f}" in found.reason for value in (looks.brightness, looks.sharpness))


@pytest.mark.parametrize(
    ("count", "seconds", "frozen_frames", "expected"),
    [
        (10, 5.0, 10, "frozen"),
        (9, 5.0, 10, None),
        (10, 4.9, 10, None),
        (99, 99.0, 0, None),
        (2, 5.0, 2, "frozen"),
    ],
)
def test_frozen_takes_both_frames_and_seconds(
    count: int, seconds: float, frozen_frames: int, expected: str | None
) -> None:
    repeated = Repeats(0, 0, count, 100.0)
    limits = ConditionsConfig(frozen_frames=frozen_frames)
    found = problem(ImageQuality(99.0, None), repeated, 100.0 + seconds, limits)
    assert (found and found.name) == expected
    if found:
        assert f"{count} identical frames for {seconds:.1f} s" in found.reason


def counts(pictures: list[np.ndarray]) -> list[int]:
    repeated, seen = None, []
    for second, picture in enumerate(pictures):
        repeated = repeats(repeated, picture, float(second))
        seen.append(repeated.count)
    return seen


def test_identical_frames_are_counted_from_the_first() -> None:
    assert counts([plain(1), plain(2), plain(2), plain(2), plain(3)]) == [1, 1, 2, 3, 1]


def test_a_change_between_sampled_rows_is_detected() -> None:
    first, second, third = (plain(7, (640, 64)) for _ in range(3))
    second[5, 3, 1] = third[9, 3, 1] = 8
    assert counts([first, first, first, second, third, third])[2:] == [3, 1, 1, 2]


def test_the_time_is_that_of_the_first_of_the_same() -> None:
    repeated = repeats(None, plain(1), 10.0)
    repeated = repeats(repeated, plain(2), 11.0)
    repeated = repeats(repeated, plain(2), 12.0)
    assert repeated.since_s == 11.0


def test_a_region_of_a_larger_picture_is_looked_at_as_any() -> None:
    picture = RNG.integers(0, 256, (90, 90, 3), np.uint8)[3:70, 5:80]
    assert measure(picture, sharpness=True) == measure(picture.copy(), sharpness=True)
    assert counts([picture, picture.copy()]) == [1, 2]
