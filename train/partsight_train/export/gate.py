"""Comparison of a file's scores with those of the approved float model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Limits", "breaches", "compare"]

# Tolerance for shares of images, which are computed in float64.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a file may fall behind the float model on the test split.

    Attributes:
        accuracy_loss: largest allowed fall of accuracy, in [0, 1].
        recall_loss: largest allowed fall of any label's recall, in [0, 1].
        agreement: smallest allowed share of images that get the same label, in [0, 1].
    """

    accuracy_loss: float = 0.005
    recall_loss: float = 0.01
    agreement: float = 0.99


def compare(
    labels: tuple[str, ...],
    true: NDArray[np.intp],
    float_scores: NDArray[np.float64],
    file_scores: NDArray[np.float64],
) -> dict[str, Any]:
    """Compare the scores of the float model and of a file for the same images.

    Args:
        labels: K names.
        true: int (N,), N at least 1.
        float_scores: float (N, K).
        file_scores: float (N, K).

    Returns:
        ``agreement``, the share of images with the same top label; ``max_difference`` and
        ``mean_difference`` of single scores; ``accuracy_loss``; ``recall_loss`` by label,
        None for a label without images. A loss below 0 is a gain.
    """
    difference = np.abs(float_scores - file_scores)
    by_float, by_file = float_scores.argmax(axis=1), file_scores.argmax(axis=1)
    lost = (by_float == true).astype(float) - (by_file == true)
    recall_loss = {
        label: float(lost[true == index].mean()) if (true == index).any() else None
        for index, label in enumerate(labels)
    }
    return {
        "agreement": float((by_float == by_file).mean()),
        "max_difference": float(difference.max()),
        "mean_difference": float(difference.mean()),
        "accuracy_loss": float(lost.mean()),
        "recall_loss": recall_loss,
    }


def breaches(parity: Mapping[str, Any], limits: Limits) -> list[str]:
    """Return one sentence per limit that the file exceeds; none if it passes."""
    found = []
    if parity["agreement"] < limits.agreement - _ROUNDING:
        found.append(
            f"it gives the float model's label to {parity['agreement']:.2%} of the test images, "
            f"expected at least {limits.agreement:.2%}"
        )
    if parity["accuracy_loss"] > limits.accuracy_loss + _ROUNDING:
        found.append(
            f"its accuracy falls by {_points(parity['accuracy_loss'])}, expected at most "
            f"{_points(limits.accuracy_loss)}"
        )
    found += [
        f"its recall of {label} falls by {_points(loss)}, expected at most "
        f"{_points(limits.recall_loss)}"
        for label, loss in parity["recall_loss"].items()
        if loss is not None and loss > limits.recall_loss + _ROUNDING
    ]
    return found


def _points(share: float) -> str:
    return f"{100 * share:.2f} percentage points"
