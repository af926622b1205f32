"""Views of a picture: the symmetries of a square, and means over them."""

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


def test_the_first_two_four_and_eight_are_symmetries_of_their_own() -> None:
    looks = [transformed(picture(), number).tobytes() for number in range(8)]
    square = [np.rot90(each, turns, (1, 2)) for turns in range(4) for each in (picture(),)]
    mirrored = [each[:, :, ::-1] for each in square]

    assert looks[0] == picture().tobytes()
    assert looks[1] == mirrored[0].tobytes()
    assert set(looks[:4]) == {each.tobytes() for each in (*square[::2], *mirrored[::2])}
    assert set(looks) == {each.tobytes() for each in (*square, *mirrored)}
    assert len(set(looks)) == 8


@pytest.mark.parametrize("number", range(8))
def test_tensorflow_sees_the_same_views(number: int) -> None:
    seen = transformed(tf.constant(picture()), number).numpy()
    np.testing.assert_array_equal(seen, transformed(picture(), number))


@given(st.integers(0, 2**32 - 1), st.sampled_from((1, 2, 4, 8)))
def test_maps_come_back_to_where_they_were_seen(seed: int, views: int) -> None:
    there = picture(seed)
    maps = np.concatenate([transformed(there, number)[..., 0] for number in range(views)])
    np.testing.assert_allclose(sum_aligned(maps), views * there[0, ..., 0], rtol=1e-5)


def corners(pictures: tf.Tensor) -> tf.Tensor:
    """Features that depend on how a picture lies: (N, 2)."""
    return tf.stack([pictures[:, 0, 0, 0], pictures[:, 0, -1, 0]], axis=1)


@pytest.mark.parametrize("views", [2, 4, 8])
def test_the_mean_does_not_depend_on_how_the_part_lay(views: int) -> None:
    pictures = np.concatenate([picture(), picture(1)])
    mean = averaged_features(corners, tf.constant(pictures), views).numpy()

    expected = np.mean([corners(transformed(pictures, number)) for number in range(views)], axis=0)
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    for number in range(views):
        turned = averaged_features(
            corners, tf.constant(transformed(pictures, number)), views
        ).numpy()
        np.testing.assert_allclose(turned, mean, rtol=1e-6)
