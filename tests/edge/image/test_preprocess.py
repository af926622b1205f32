"""The preprocessing, compared with a reference implementation without OpenCV."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.errors import ImageError
from partsight.image import preprocess as module
from partsight.image.preprocess import preprocess
from partsight.image.spec import FITS, PREPROCESS_VERSION, Fit, PreprocessSpec

# A mean of integers is rounded; at one half, processors round to either side.
ROUNDING = 0.5
# The coordinates of a bilinear step are kept in 11 bits, and its result is rounded.
BILINEAR = 1.0


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), "u1")


def exact_means(image_rgb: np.ndarray, block_y: int, block_x: int) -> np.ndarray:
    """Means of blocks, a last block that is not full filled with copies of the edge."""
    height, width = image_rgb.shape[:2]
    padding = ((0, -height % block_y), (0, -width % block_x), (0, 0))
    padded = np.pad(image_rgb.astype(float), padding, "edge")
    rows, columns = padded.shape[0] // block_y, padded.shape[1] // block_x
    return padded.reshape(rows, block_y, columns, block_x, 3).mean(axis=(1, 3))


def bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Textbook bilinear scaling with pixel centres at halves and the edge repeated."""

    def weights(size: int, source: int) -> np.ndarray:
        centre = np.clip((np.arange(size) + 0.5) * source / size - 0.5, 0, source - 1)
        distance = np.abs(centre[:, None] - np.arange(source)[None, :])
        return np.clip(1 - distance, 0, 1)

    rows = weights(height, image.shape[0])
    columns = weights(width, image.shape[1])
    return np.einsum("yh,xw,hwc->yxc", rows, columns, image.astype(float))


@pytest.mark.parametrize(
    ("source_hw", "blocks_yx"),
    [
        pytest.param((48, 64), (2, 2), id="both axes once"),
        pytest.param((24, 64), (1, 2), id="columns only"),
        pytest.param((48, 32), (2, 1), id="rows only"),
        pytest.param((47, 63), (2, 2), id="odd sizes keep their edge"),
        pytest.param((47, 32), (2, 1), id="odd rows only"),
        pytest.param((24, 63), (1, 2), id="odd columns only"),
    ],
)
def test_halving_is_the_exact_mean(source_hw: tuple[int, int], blocks_yx: tuple[int, int]) -> None:
    image_bgr = noise(*source_hw)
    # Odd sizes are one short of twice the target, so a smaller target makes them halve.
    odd = (source_hw[0] % 2 and blocks_yx[0] == 2, source_hw[1] % 2 and blocks_yx[1] == 2)
    height = -(-source_hw[0] // blocks_yx[0])
    width = -(-source_hw[1] // blocks_yx[1])
    target = (height - 1 if odd[0] else height, width - 1 if odd[1] else width)
    halved = exact_means(image_bgr[:, :, ::-1], *blocks_yx)

    fed = preprocess(image_bgr, PreprocessSpec(*target)).astype(float)

    if any(odd):
        assert np.abs(fed - bilinear(halved, *target)).max() <= ROUNDING + BILINEAR
    else:
        assert np.abs(fed - halved).max() <= ROUNDING


@pytest.mark.parametrize("axis", [0, 1], ids=["rows", "columns"])
def test_halving_one_axis_is_exact_for_every_pair_of_values(axis: int) -> None:
    """Bit-exact, with halves rounded to even: cached features and golden samples depend on it."""
    first, second = np.meshgrid(np.arange(256), np.arange(256))
    pairs = np.stack([first, second], axis + 1).reshape(512 if axis == 0 else 256, -1)
    # Different values in each channel, so that a swap is noticed.
    image_bgr = np.stack([pairs, pairs[::-1], 255 - pairs], 2).astype(np.uint8)

    fed = preprocess(image_bgr, PreprocessSpec(256, 256))

    expected = exact_means(image_bgr[:, :, ::-1], 2 - axis, 1 + axis)
    np.testing.assert_array_equal(fed, np.rint(expected))


@pytest.mark.parametrize("hw", [(1, 2), (3, 2), (5, 14), (7, 100), (101, 6)])
def test_halving_one_axis_of_any_size_is_exact(hw: tuple[int, int]) -> None:
    wide, tall = noise(*hw), noise(hw[1], hw[0])

    np.testing.assert_array_equal(
        preprocess(wide, PreprocessSpec(hw[0], hw[1] // 2)),
        np.rint(exact_means(wide[:, :, ::-1], 1, 2)),
    )
    np.testing.assert_array_equal(
        preprocess(tall, PreprocessSpec(hw[1] // 2, hw[0])),
        np.rint(exact_means(tall[:, :, ::-1], 2, 1)),
    )


@pytest.mark.parametrize("halvings", [2, 3, 4])
def test_repeated_halving_is_the_mean_within_one_rounding_each(halvings: int) -> None:
    block = 2**halvings
    image_bgr = noise(6 * block, 10 * block)

    fed = preprocess(image_bgr, PreprocessSpec(6, 10)).astype(float)

    expected = exact_means(image_bgr[:, :, ::-1], block, block)
    assert np.abs(fed - expected).max() <= halvings * ROUNDING


@pytest.mark.parametrize(
    "source_hw",
    [(31, 45), (47, 63), (24, 45), (10, 11), (1, 1)],
    ids=["between", "just below twice", "one axis", "enlarged", "one pixel"],
)
def test_below_a_factor_of_two_the_step_is_bilinear(source_hw: tuple[int, int]) -> None:
    image_bgr = noise(*source_hw)

    fed = preprocess(image_bgr, PreprocessSpec(24, 32)).astype(float)

    expected = bilinear(image_bgr[:, :, ::-1], 24, 32)
    assert np.abs(fed - expected).max() <= BILINEAR


def test_a_mark_in_each_corner_survives() -> None:
    """The whole frame is used: nothing is cropped, even at odd sizes."""
    image_bgr = np.zeros((487, 651, 3), np.uint8)
    for row in (slice(0, 2), slice(-2, None)):
        for column in (slice(0, 2), slice(-2, None)):
            image_bgr[row, column] = 255

    fed = preprocess(image_bgr, PreprocessSpec(224, 224))

    corners = fed[[0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert corners.min() > 40
    assert fed[5:-5, 5:-5].max() == 0


def test_an_image_of_the_target_size_changes_only_its_colour_order() -> None:
    image_bgr = noise(24, 32)

    fed = preprocess(image_bgr, PreprocessSpec(24, 32))

    np.testing.assert_array_equal(fed, image_bgr[:, :, ::-1])


def test_blue_is_the_last_channel() -> None:
    image_bgr = np.zeros((50, 50, 3), np.uint8)
    image_bgr[:, :, 0] = 200

    assert preprocess(image_bgr, PreprocessSpec(8, 8))[4, 4].tolist() == [0, 0, 200]


@pytest.mark.parametrize(
    "view",
    [lambda a: a[::-1], lambda a: a[:, ::-1], lambda a: a[:, :, ::-1], lambda a: a[1:-1, 3:-2]],
    ids=["upside down", "mirrored", "channels swapped", "cut out"],
)
def test_views_and_copies_give_the_same_result(view) -> None:
    image = view(noise(60, 80))
    spec = PreprocessSpec(24, 32)

    np.testing.assert_array_equal(preprocess(image, spec), preprocess(image.copy(), spec))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 300), st.integers(1, 300), st.sampled_from(FITS), st.booleans(),
    st.sampled_from(sorted({False, module._ONE_CHANNEL_ALIKE})),
)  # fmt: skip
def test_shared_grey_channels_and_a_copy_give_the_same_result(
    height: int, width: int, fit: Fit, part: bool, alike: bool
) -> None:
    """With three channels, as on Arm, the result is the same."""
    image = np.broadcast_to(noise(height, width)[:, :, :1], (height, width, 3))
    spec = PreprocessSpec(24, 32, fit=fit, roi=(0.25, 0.1, 0.5, 0.8) if part else None)

    with mock.patch.object(module, "_ONE_CHANNEL_ALIKE", alike):
        np.testing.assert_array_equal(preprocess(image, spec), preprocess(image.copy(), spec))


def test_the_input_array_is_not_changed() -> None:
    image_bgr = noise(50, 70)
    before = image_bgr.copy()
    image_bgr.flags.writeable = False

    fed = preprocess(image_bgr, PreprocessSpec(50, 70))
    fed[:] = 0

    np.testing.assert_array_equal(image_bgr, before)


SIZES = st.integers(1, 130)


@settings(max_examples=200, deadline=None)
@given(SIZES, SIZES, st.integers(1, 40), st.integers(1, 40), st.tuples(*[st.integers(0, 255)] * 3))
def test_any_size_gives_the_target_and_plain_images_stay_plain(
    height: int, width: int, to_height: int, to_width: int, colour: tuple[int, int, int]
) -> None:
    image_bgr = np.full((height, width, 3), colour, np.uint8)

    fed = preprocess(image_bgr, PreprocessSpec(to_height, to_width))

    assert fed.shape == (to_height, to_width, 3)
    assert fed.dtype == np.uint8
    assert fed.flags.c_contiguous
    assert (fed == colour[::-1]).all()


@pytest.mark.parametrize(
    ("image", "received"),
    [
        pytest.param(None, "NoneType", id="what imread gives for a missing file"),
        pytest.param([[[1, 2, 3]]], "list", id="list"),
        pytest.param(np.zeros((4, 4), np.uint8), "(4, 4)", id="grey"),
        pytest.param(np.zeros((4, 4, 4), np.uint8), "(4, 4, 4)", id="alpha"),
        pytest.param(np.zeros((4, 4, 1), np.uint8), "(4, 4, 1)", id="one channel"),
        pytest.param(np.zeros((1, 4, 4, 3), np.uint8), "(1, 4, 4, 3)", id="batch"),
        pytest.param(np.zeros((0, 4, 3), np.uint8), "(0, 4, 3)", id="no rows"),
        pytest.param(np.zeros((4, 0, 3), np.uint8), "(4, 0, 3)", id="no columns"),
        pytest.param(np.zeros((4, 4, 3), np.float32), "float32", id="float"),
        pytest.param(np.zeros((4, 4, 3), np.uint16), "uint16", id="16 bits"),
        pytest.param(np.zeros((4, 4, 3), bool), "bool", id="bool"),
    ],
)
def test_other_arrays_are_refused_with_their_type(image: object, received: str) -> None:
    with pytest.raises(ImageError, match="Received") as refusal:
        preprocess(image, PreprocessSpec(2, 2))
    assert received in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "exception", "fragment"),
    [
        ((0, 5), ValueError, "must be positive"),
        ((5, -1), ValueError, "must be positive"),
        ((5, 5, PREPROCESS_VERSION + 1), ValueError, "is unknown here"),
    ],
)
def test_impossible_specs_are_refused(
    arguments: tuple[int, ...], exception: type[Exception], fragment: str
) -> None:
    with pytest.raises(exception, match=fragment):
        PreprocessSpec(*arguments)


def gradient(height: int, width: int) -> np.ndarray:
    """Blue rises with the row, green with the column, red is full."""
    rows, columns = np.mgrid[0:height, 0:width]
    blue, green = 255 * rows / max(1, height - 1), 255 * columns / max(1, width - 1)
    return np.stack([blue, green, np.full_like(blue, 255)], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("source_hw", "target_hw", "image"),
    [
        ((60, 120), (40, 40), (slice(10, 30), slice(0, 40))),
        ((120, 60), (40, 40), (slice(0, 40), slice(10, 30))),
        ((50, 50), (40, 80), (slice(0, 40), slice(20, 60))),
        ((40, 40), (40, 40), (slice(0, 40), slice(0, 40))),
        ((1, 300), (40, 40), (slice(19, 20), slice(0, 40))),
    ],
)
def test_a_letterboxed_image_keeps_its_proportions(
    source_hw: tuple[int, int], target_hw: tuple[int, int], image: tuple[slice, slice]
) -> None:
    fed = preprocess(gradient(*source_hw), PreprocessSpec(*target_hw, fit="letterbox"))
    assert fed.shape == (*target_hw, 3)
    inside = np.zeros(target_hw, bool)
    inside[image] = True
    assert (fed[~inside] == 127).all()
    assert (fed[inside][:, 0] == 255).all()


def test_only_the_region_of_interest_is_used() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[25:75, 20:60] = 200
    spec = PreprocessSpec(16, 16, roi=(0.1, 0.25, 0.2, 0.5))
    assert (preprocess(image, spec) == 200).all()
    whole = preprocess(image, PreprocessSpec(16, 16))
    assert whole.min() == 0


def test_the_whole_image_as_a_region_changes_nothing(noise_bgr: np.ndarray) -> None:
    spec = PreprocessSpec(24, 32, roi=(0, 0, 1, 1))
    np.testing.assert_array_equal(
        preprocess(noise_bgr, spec), preprocess(noise_bgr, PreprocessSpec(24, 32))
    )


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.tuples(st.floats(0, 0.99), st.floats(0, 0.99), st.floats(0.001, 1), st.floats(0.001, 1)),
    st.sampled_from(FITS),
)
def test_any_region_of_any_image_fills_the_target(
    height: int, width: int, roi: tuple[float, float, float, float], fit: Fit
) -> None:
    left, top, share_x, share_y = roi
    within = (left, top, min(share_x, 1 - left), min(share_y, 1 - top))
    spec = PreprocessSpec(8, 12, fit=fit, roi=within)
    assert preprocess(gradient(height, width), spec).shape == (8, 12, 3)


@pytest.mark.parametrize(
    ("choice", "fragment"),
    [
        ({"fit": "crop"}, "fit must be one of stretch, letterbox"),
        ({"roi": (0.5, 0, 0.6, 1)}, "stay within it"),
        ({"roi": (0, 0, 0, 1)}, "stay within it"),
        ({"roi": (-0.1, 0, 0.5, 1)}, "stay within it"),
        ({"roi": (0, 0, 1)}, "stay within it"),
        ({"roi": "all"}, "stay within it"),
        ({"roi": (0, 0, float("nan"), 1)}, "stay within it"),
    ],
)
def test_impossible_fits_and_regions_are_refused(choice: dict[str, Any], fragment: str) -> None:
    with pytest.raises(ValueError, match=fragment):
        PreprocessSpec(8, 8, **choice)
