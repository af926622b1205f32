"""Whether a delivered file still decides as the float model did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["compare"]


def compare(
    float_scores: NDArray[np.float64], file_scores: NDArray[np.float64]
) -> dict[str, float]:
    """Compare the scores of the float model and of a file on the same pictures.

    Args:
        float_scores: float (N, K), N at least 1.
        file_scores: float (N, K).

    Returns:
        ``agreement``, the share of pictures with the same top label; ``max_difference``
        and ``mean_difference`` of single scores.
    """
    difference = np.abs(float_scores - file_scores)
    same = float_scores.argmax(axis=1) == file_scores.argmax(axis=1)
    return {
        "agreement": float(same.mean()),
        "max_difference": float(difference.max()),
        "mean_difference": float(difference.mean()),
    }
