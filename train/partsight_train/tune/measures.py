"""The measures that a search can optimize."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from partsight.evaluation.metrics import auc, false_positives_at_recall
from partsight_train.tune.space import Search

__all__ = ["measured"]


def measured(
    search: Search,
    bad: Sequence[int],
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
) -> float:
    """Compute the measure of one fold: the loss in nats, or a share in [0, 1].

    Args:
        search: names the measure.
        bad: indices of the labels of bad parts.
        true: true labels, int (N,), of both good and bad parts.
        scores: probabilities, float64 (N, K).
    """
    if search.measure == "loss":
        likelihood = scores[np.arange(len(true)), true]
        return float(-np.log(np.maximum(likelihood, np.finfo(np.float64).tiny)).mean())
    if search.measure == "accuracy":
        return float((scores.argmax(axis=1) == true).mean())
    is_bad, score = np.isin(true, bad), scores[:, list(bad)].sum(axis=1)
    if search.measure == "recall":
        return float(np.isin(scores.argmax(axis=1), bad)[is_bad].mean())
    if search.measure == "auc":
        value = auc(is_bad, score)
    else:
        value = false_positives_at_recall(is_bad, score, search.base.target_recall)
    assert value is not None
    return value
