"""Chooses the operating point of a model from its scores on labelled images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.decision.operating_point import OperatingPoint

__all__ = ["choose_operating_point"]


def choose_operating_point(
    accept_scores: NDArray[np.float64],
    is_good: NDArray[np.bool_],
    accept_labels: tuple[str, ...],
    target_recall: float,
) -> OperatingPoint:
    """Choose the lowest ``accept_above`` with which enough bad parts are not accepted.

    It is at least 0.5, so that no part is accepted that is more likely bad than good. Scores from
    0.5 up to it give the verdict review.

    Args:
        accept_scores: float (N,), the deciding score of each image, from the file that will be
            deployed.
        is_good: bool (N,), whether the image shows a good part.
        accept_labels: the labels of good parts.
        target_recall: share of bad parts that must not be accepted, in (0, 1].

    Returns:
        The operating point with its recall and false reject rate on these images; they are None
        without bad or good parts.
    """
    accept_scores = np.minimum(accept_scores, 1.0)
    bad = np.sort(accept_scores[~is_good])[::-1]
    # The number of bad parts that may be accepted; the next one sets the threshold.
    escapes = int(np.floor(len(bad) * (1 - target_recall) + 1e-9))
    barrier = float(bad[escapes]) if escapes < len(bad) else 0.0
    above = accept_scores[is_good & (accept_scores > barrier)]
    # Half-way to the next good part, so that a rounding difference does not change a verdict.
    accept_above = max(0.5, (barrier + float(above.min(initial=1.0))) / 2)
    accepted = accept_scores > accept_above
    return OperatingPoint(
        accept_labels,
        accept_above,
        reject_below=0.5,
        target_recall=target_recall,
        recall=_share(~accepted[~is_good]),
        false_reject_rate=_share(~accepted[is_good]),
    )


def _share(flags: NDArray[np.bool_]) -> float | None:
    return float(flags.mean()) if len(flags) else None
