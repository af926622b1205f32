"""Temperature scaling: calibration of overconfident scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partsight.inference.scores import softmax
from partsight_train.heads.head import Examples, Head

__all__ = ["calibrate"]

_CANDIDATES = np.geomspace(1, 20, 400)


def calibrate(head: Head, validation: Examples) -> tuple[Head, float]:
    """Divide the logits by the temperature that gives the validation labels the highest likelihood.

    See C. Guo et al., "On Calibration of Modern Neural Networks" (2017). The division is folded
    into the weights. No predicted label changes, but high scores move away from 1, so that
    they still differ as uint8 scores, which end at 255/256; thresholds need this difference.
    Scores are never sharpened: on a split without errors the best temperature would be zero.

    Returns:
        The calibrated head, and the temperature, at least 1.
    """
    logits = validation.features.astype(np.float64) @ head.kernel + head.bias
    temperature = float(min(_CANDIDATES, key=lambda t: _loss(logits / t, validation.labels)))
    divided = np.float32(temperature)
    return Head(head.kernel / divided, head.bias / divided), temperature


def _loss(logits: NDArray[np.float64], labels: NDArray[np.intp]) -> float:
    """Return the mean negative log-likelihood of the labels."""
    likelihood = softmax(logits)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(likelihood, np.finfo(np.float64).tiny)).mean())
