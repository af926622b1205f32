"""The symmetries of a square, and features averaged over them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from partsight_train.network.test_time_augmentation import (
    averaged_features,
    sum_aligned,
    transformed,
)
from partsight_train.tensorflow_stack import tf


def picture(seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((1, 6, 6, 3), np.float32)


def test_the_first_two_four_and_eight_symmetries_are_groups() -> None:
    variants = [transformed(picture(), number).tobytes() for number in range(8)]
    square = [np.rot90(each, turns, (1, 2)) for turns in range(4) for each in (picture(),)]
    mirrored = [each[:, :, ::-1] for each in square]

    assert variants[0] == picture().tobytes()
    assert variants[1] == mirrored[0].tobytes()
    assert set(variants[:4]) == {each.tobytes() for each in (*square[::2], *mirrored[::2])}
    assert set(variants) == {each.tobytes() for each in (*square, *mirrored)}
    assert len(set(variants)) == 8


@pytest.mark.parametrize("number", range(8))
def test_tensorflow_and_numpy_give_the_same_symmetry(number: int) -> None:
    result = transformed(tf.constant(picture()), number).numpy()
    np.testing.assert_array_equal(result, transformed(picture(), number))


@given(st.integers(0, 2**32 - 1), st.sampled_from((1, 2, 4, 8)))
def test_maps_are_aligned_with_the_original_image(seed: int, views: int) -> None:
    image = picture(seed)
    maps = np.concatenate([transformed(image, number)[..., 0] for number in range(views)])
    np.testing.assert_allclose(sum_aligned(maps), views * image[0, ..., 0], rtol=1e-5)


def corners(pictures: tf.Tensor) -> tf.Tensor:
    """Features that depend on the orientation: (N, 2)."""
    return tf.stack([pictures[:, 0, 0, 0], pictures[:, 0, -1, 0]], axis=1)


@pytest.mark.parametrize("views", [2, 4, 8])
def test_averaged_features_do_not_depend_on_the_orientation(views: int) -> None:
    pictures = np.concatenate([picture(), picture(1)])
    mean = averaged_features(corners, tf.constant(pictures), views).numpy()

    expected = np.mean([corners(transformed(pictures, number)) for number in range(views)], axis=0)
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    for number in range(views):
        turned = averaged_features(
            corners, tf.constant(transformed(pictures, number)), views
        ).numpy()
        np.testing.assert_allclose(turned, mean, rtol=1e-6)
