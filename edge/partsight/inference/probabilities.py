"""Converts a model's raw output to the probabilities of its labels, and checks them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight.inference.interpreter import TensorInfo
from partsight.inference.scores import both_scores, dequantize, sigmoid, softmax
from partsight.model.contract import Contract

__all__ = ["probabilities", "scores_shape"]

# A softmax may exceed 1 by rounding, a dequantized one by half a quantization step.
_ROUNDING = 1 / 256


def probabilities(raw: NDArray[Any], info: TensorInfo, contract: Contract) -> NDArray[np.float64]:
    """The scores (K,) of an image, or (T, K) of its T tiles.

    Raises:
        ModelError: they are not the probabilities of mutually exclusive labels.
    """
    scores = dequantize(raw, info)
    if contract.layout.single_score:
        if contract.logits:
            scores = sigmoid(scores)
        _require_within(scores)
        return both_scores(scores)
    scores = scores.reshape(scores_shape(contract))
    if contract.logits:
        return softmax(scores)
    _require_within(scores)
    _require_sum(scores, info.scale)
    return scores


def _require_within(scores: NDArray[np.float64]) -> None:
    low, high = scores.min(), scores.max()
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # true for NaN as well
        raise ModelError(
            "the model gives no probabilities: expected scores in [0, 1], received "
            f"{low:.4g} to {high:.4g}. If it gives logits, use --logits."
        )


def _require_sum(scores: NDArray[np.float64], step: float) -> None:
    """Refuse logits that happen to lie in [0, 1], and labels that are not mutually exclusive.

    With such labels a part may be both good and bad, and thresholds have no meaning.
    """
    sums = scores.sum(axis=-1)
    tolerance = _ROUNDING + step * scores.shape[-1]
    if np.abs(sums - 1).max() > tolerance:
        raise ModelError(
            "the model gives no probabilities of mutually exclusive labels: expected scores with "
            f"the sum 1, received {float(sums.ravel()[0]):.4g}. If it gives logits, use --logits; "
            "a model with a sigmoid for each label cannot be used."
        )


def scores_shape(contract: Contract) -> tuple[int, ...]:
    """The shape of an image's scores: labels, or tiles and labels."""
    count = contract.tiles[0] * contract.tiles[1]
    return (len(contract.labels),) if count == 1 else (count, len(contract.labels))
