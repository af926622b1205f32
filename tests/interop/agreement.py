"""Compares a consumer's scores with those of partsight; imported by each consumer."""

from __future__ import annotations

import sys

import numpy as np


def require(who: str, scores: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """End with 1 unless every score is near, and every clear picture gets the same label.

    Clear is one whose two highest scores are further apart than both may move: twice the tolerance.

    Args:
        who: the consumer.
        scores: float (N, K), the consumer's.
        expected: float (N, K), partsight's.
        tolerance: of one score.
    """
    largest = float(np.abs(scores - expected).max())
    same = scores.argmax(axis=1) == expected.argmax(axis=1)
    second, first = np.sort(expected, axis=1)[:, -2:].T
    line = f"{who}: same label on {same.mean():.0%} of {len(scores)}"
    print(f"{line}, scores differ by {largest:.4f}, at most {tolerance:.4f}")
    if largest > tolerance or not same[first - second > 2 * tolerance].all():
        sys.exit(1)
