"""Encoding of an image's bytes for the input tensor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.image.normalization import Normalization
from partsight.inference.input_encoding import input_encoder
from partsight.inference.interpreter import TensorInfo
from partsight.inference.scores import dequantize

ALL = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)


def info(dtype: str, scale: float = 0.0, zero_point: int = 0) -> TensorInfo:
    return TensorInfo((1, 1, 256, 3), np.dtype(dtype), scale, zero_point)


@pytest.mark.parametrize(
    ("tensor", "normalization", "expected"),
    [
        (info("uint8", 1 / 255), Normalization(), ALL),
        (info("uint8"), Normalization(), ALL),
        (info("int8", 1 / 255, -128), Normalization(), ALL.astype(int) - 128),
        (info("float32"), Normalization(), ALL / np.float32(255)),
        (info("float32"), Normalization((127.5,), (127.5,)), (ALL - 127.5) / 127.5),
        (info("uint8", 1 / 127.5, 127), Normalization((127.0,), (127.5,)), ALL),
        (info("uint8", 2 / 255), Normalization(), np.round(ALL / 2)),
        (info("int8", 1 / 510, -128), Normalization(), np.minimum(ALL.astype(int) * 2 - 128, 127)),
    ],
)
def test_bytes_are_encoded_for_the_tensor(
    tensor: TensorInfo, normalization: Normalization, expected: np.ndarray
) -> None:
    fed = input_encoder(tensor, normalization)(ALL)
    assert fed.dtype == tensor.dtype
    np.testing.assert_allclose(fed, expected, rtol=1e-6)


@given(st.floats(0, 255), st.floats(1, 255), st.sampled_from(["uint8", "int8"]))
def test_dequantizing_gives_the_real_numbers(mean: float, std: float, dtype: str) -> None:
    """A tensor that spans what bytes become holds each to half a step."""
    low, high = -mean / std, (255 - mean) / std
    scale = (high - low) / 255
    limits = np.iinfo(dtype)
    zero_point = int(np.clip(round(limits.min - low / scale), limits.min, limits.max))
    tensor = info(dtype, scale, zero_point)
    real = dequantize(input_encoder(tensor, Normalization((mean,), (std,)))(ALL), tensor)
    np.testing.assert_allclose(real, (ALL - mean) / std, atol=scale * 1.01)


def test_each_channel_may_have_its_own_normalization() -> None:
    """By hand: red 10, green 20, blue 30."""
    image = np.array([[[10, 20, 30]]], np.uint8)
    fed = input_encoder(info("float32"), Normalization((0.0, 10.0, 40.0), (1.0, 2.0, 5.0)))(image)
    np.testing.assert_array_equal(fed, np.array([[[10, 5, -2]]], np.float32))


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((float("nan"),), (1,)),
        ((0,), (0,)),
        ((0,), (-1,)),
        ((0,), (float("inf"),)),
        ((0, 0), (1, 1)),
        ((0, 0, 0), (1,)),
        ((0, 0, 0), (1, 1, 0)),
        ((), ()),
    ],
)
def test_invalid_normalizations_are_refused(
    mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="normalization must have"):
        Normalization(mean, std)
