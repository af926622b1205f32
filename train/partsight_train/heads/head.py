"""The softmax head: one dense layer from feature vectors to labels, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.inference.scores import softmax

__all__ = ["Examples", "Head", "class_weights", "loss_and_accuracy", "predict"]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Features float32 (N, D) and label indices int (N,) of N images."""

    features: NDArray[np.float32]
    labels: NDArray[np.intp]

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Examples:
        """Return the chosen rows."""
        return Examples(self.features[chosen], self.labels[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A trained softmax layer: kernel float32 (D, K) and bias float32 (K,)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def class_weights(labels: NDArray[np.intp], count: int) -> dict[int, float]:
    """Return a loss weight per label that gives all labels the same total weight.

    The mean over the examples is 1, if each label has examples.
    """
    sizes = np.bincount(labels, minlength=count)
    return {index: len(labels) / (count * max(1, int(size))) for index, size in enumerate(sizes)}


def predict(head: Head, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return probabilities, float64 (N, K), for features float32 (N, D)."""
    return softmax(features.astype(np.float64) @ head.kernel + head.bias)


def loss_and_accuracy(
    scores: NDArray[np.float64], labels: NDArray[np.intp], prefix: str = ""
) -> dict[str, float]:
    """Return ``loss`` (mean negative log-likelihood, nats) and ``accuracy`` of scores (N, K)."""
    likelihood = scores[np.arange(len(scores)), labels]
    loss = -np.log(np.maximum(likelihood, np.finfo(np.float64).tiny)).mean()
    right = (scores.argmax(axis=1) == labels).mean()
    return {f"{prefix}loss": float(loss), f"{prefix}accuracy": float(right)}
