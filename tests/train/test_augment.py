"""Augmentation: determined by the key, within its limits, and never black at the border."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from partsight_train.data.augmentation import random_augmentation, seeded_augmentation
from partsight_train.settings import AugmentSettings
from partsight_train.tensorflow_stack import tf

SHAPE = (32, 40, 3)
ALL = AugmentSettings(
    flip_left_right=True,
    flip_up_down=True,
    rotation=10,
    shift=0.1,
    shear=10,
    zoom=0.1,
    crop=0.1,
    brightness=0.1,
    contrast=0.1,
)


def picture() -> NDArray[np.uint8]:
    """An image that is bright everywhere, and different in each corner."""
    rows, columns = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    return np.stack([100 + rows, 100 + 2 * columns, np.full_like(rows, 200)], -1).astype(np.uint8)


def test_the_augmented_image_depends_on_the_key() -> None:
    first, again, other = (seeded_augmentation(ALL, SHAPE, copy) for copy in (0, 0, 1))
    assert first.identity == again.identity != other.identity
    original = first.apply(picture(), b"key")
    np.testing.assert_array_equal(original, again.apply(picture(), b"key"))
    assert (original != first.apply(picture(), b"another picture")).mean() > 0.5
    assert (original != other.apply(picture(), b"key")).mean() > 0.5


def varied(settings: AugmentSettings, count: int = 24) -> list[NDArray[np.uint8]]:
    augmentation = seeded_augmentation(settings, SHAPE, copy=0)
    return [augmentation.apply(picture(), bytes([index])) for index in range(count)]


def test_a_flip_mirrors_about_half_of_the_images_exactly() -> None:
    mirrored = picture()[:, ::-1]
    results = varied(AugmentSettings(flip_left_right=True))
    flipped = [np.array_equal(result, mirrored) for result in results]
    assert all(f or np.array_equal(r, picture()) for f, r in zip(flipped, results, strict=True))
    assert 4 <= sum(flipped) <= 20


SINGLE: list[dict[str, Any]] = [
    {"rotation": 20},
    {"shift": 0.2},
    {"shear": 15},
    {"zoom": 0.3},
    {"crop": 0.3},
]


@pytest.mark.parametrize("choice", SINGLE, ids=str)
def test_movements_change_the_image_and_leave_no_black_border(choice: dict[str, Any]) -> None:
    results = varied(AugmentSettings(**choice))
    assert all(result.shape == SHAPE for result in results)
    assert np.mean([np.abs(r.astype(int) - picture()).mean() for r in results]) > 1
    assert min(result.min() for result in results) >= 95


@pytest.mark.parametrize(("choice", "most"), [({"brightness": 0.1}, 26), ({"contrast": 0.2}, 30)])
def test_brightness_and_contrast_change_by_at_most_the_setting(
    choice: dict[str, Any], most: int
) -> None:
    differences = [
        np.abs(r.astype(int) - picture()).max() for r in varied(AugmentSettings(**choice))
    ]
    assert 3 < max(differences) <= most


def test_a_crop_contains_only_the_original_image() -> None:
    """Rows rise by 1 per pixel: a window of 70 % spans 70 % of their range."""
    for result in varied(AugmentSettings(crop=0.3)):
        spread = int(result[..., 0].max()) - int(result[..., 0].min())
        assert 0.6 * 31 <= spread <= 0.8 * 31


def test_each_image_of_a_batch_is_augmented_differently_at_each_call() -> None:
    vary = tf.function(random_augmentation(ALL, seed=1))
    batch = tf.constant(np.stack([picture()] * 4), tf.float32)
    first, second = vary(batch).numpy(), vary(batch).numpy()
    assert np.abs(first[0] - first[1]).mean() > 1
    assert np.abs(first - second).mean() > 1
    assert first.min() >= 0
    assert first.max() <= 255


def test_active_is_true_if_any_augmentation_is_set() -> None:
    assert ALL.active
    assert not AugmentSettings(copies=9).active
    for name, value in dataclasses.asdict(ALL).items():
        assert name == "copies" or AugmentSettings(**{name: value}).active
