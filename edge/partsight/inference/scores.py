"""Dequantization, softmax and sigmoid of a model's output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.inference.interpreter import TensorInfo

__all__ = ["both_scores", "dequantize", "sigmoid", "softmax"]


def dequantize(raw: NDArray[Any], info: TensorInfo) -> NDArray[np.float64]:
    """Convert a raw output to real numbers.

    A quantized tensor contains q = round(r / scale) + zero_point for the real number r, so that
    r = scale * (q - zero_point). The difference is computed in float: in uint8 it would overflow.

    Args:
        raw: values of any shape; float values stay as they are.
        info: scale and zero point of their tensor.

    Returns:
        float64 of the same shape.
    """
    if info.dtype == np.float32:
        return raw.astype(np.float64)
    return info.scale * (raw.astype(np.float64) - info.zero_point)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities: exp(x) / sum(exp(x)) over the last axis, of any shape."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability 1 / (1 + exp(-x)), of any shape, without overflow."""
    probability: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -logit))
    return probability


def both_scores(second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores (2,) of two labels, from the probability of the second one (one element)."""
    probability = second.reshape(1)
    return np.concatenate([1 - probability, probability])
