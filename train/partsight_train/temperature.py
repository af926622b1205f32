"""Softening of scores that are surer than they are right."""

from __future__ import annotations

import numpy as np

from partsight_train.head import Examples, Head, predict

__all__ = ["calibrate"]

_CANDIDATES = np.geomspace(1, 20, 400)


def calibrate(head: Head, validation: Examples) -> tuple[Head, float]:
    """Divide the logits by the temperature that makes the validation labels likeliest.

    See C. Guo et al., "On Calibration of Modern Neural Networks" (2017). The division is
    folded into the weights. No label changes, but a uint8 score, which ends at 255/256,
    can tell sure from surer, which thresholds need. It never sharpens: on a split without
    a mistake the likeliest temperature is zero.

    Returns:
        The calibrated head, and the temperature, from 1 up.
    """
    temperature = min(_CANDIDATES, key=lambda t: _loss(_divided(head, t), validation))
    return _divided(head, temperature), float(temperature)


def _divided(head: Head, temperature: float) -> Head:
    return Head(head.kernel / np.float32(temperature), head.bias / np.float32(temperature))


def _loss(head: Head, examples: Examples) -> float:
    """Mean negative log-likelihood of the labels."""
    scores = predict(head, examples.features)
    likelihood = scores[np.arange(len(examples.labels)), examples.labels]
    return float(-np.log(np.maximum(likelihood, np.finfo(np.float64).tiny)).mean())
