"""Training of the head by L-BFGS, with NumPy and SciPy.

The loss is convex and has one minimum. L-BFGS uses its curvature and finds it within a second,
without a learning rate and with the same result on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from partsight.inference.scores import softmax
from partsight.utils.progress import Progress, silent
from partsight_train.heads.head import Examples, Head, loss_and_accuracy
from partsight_train.settings import HeadSettings

__all__ = ["Objective", "minimize_loss", "smoothed"]

Scores = NDArray[np.float64]

_MAX_ITERATIONS = 500
_GRADIENT_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """Mean cross-entropy + l2 x sum of the squared kernel, as a function of the flat weights.

    Attributes:
        features: float64 (N, D).
        targets: float64 (N, K), rows sum to 1.
        weights: float64 (N,), weights of the examples; mean 1.
        l2: penalty of the kernel, not of the bias; per feature, float64 (D, 1), or a single number.
    """

    features: NDArray[np.float64]
    targets: NDArray[np.float64]
    weights: NDArray[np.float64]
    l2: NDArray[np.float64] | float

    def head(self, flat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return kernel (D, K) and bias (K,)."""
        labels = self.targets.shape[1]
        return flat[:-labels].reshape(-1, labels), flat[-labels:]

    def scores(self, flat: NDArray[np.float64], features: NDArray[np.float64]) -> Scores:
        """Return probabilities (N, K)."""
        kernel, bias = self.head(flat)
        return softmax(features @ kernel + bias)

    def __call__(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return loss and gradient. The gradient by the logits is softmax - target."""
        kernel, _ = self.head(flat)
        scores = self.scores(flat, self.features)
        likelihood = np.log(np.maximum(scores, np.finfo(np.float64).tiny))
        loss = -float((self.weights * (self.targets * likelihood).sum(axis=1)).mean())
        slope = self.weights[:, np.newaxis] * (scores - self.targets) / len(scores)
        by_kernel = self.features.T @ slope + 2 * self.l2 * kernel
        gradient = np.concatenate([by_kernel.ravel(), slope.sum(axis=0)])
        return loss + float((self.l2 * kernel**2).sum()), gradient


def minimize_loss(
    train: Examples,
    validation: Examples,
    count: int,
    settings: HeadSettings,
    weights: Mapping[int, float] | None,
    progress: Progress = silent,
) -> tuple[Head, list[dict[str, float]]]:
    """Find the weights with the lowest loss.

    Args:
        train: examples to fit.
        validation: examples for validation losses; they do not change the result.
        count: K, the number of labels.
        settings: ``steps``, ``l2`` and ``label_smoothing`` are used.
        weights: weight of each label's examples; None for equal weights.
        progress: reports each iteration.

    Returns:
        The head, and losses and accuracies, one row per iteration.
    """
    objective = Objective(
        train.features.astype(np.float64),
        smoothed(train.labels, count, settings.label_smoothing),
        np.array([weights[label] if weights else 1.0 for label in train.labels.tolist()]),
        settings.l2,
    )
    watched = validation.features.astype(np.float64)
    most = settings.steps or _MAX_ITERATIONS
    history: list[dict[str, float]] = []
    steps = iter(progress(range(most), most, show=lambda _: _losses(history)))

    def record(flat: NDArray[np.float64]) -> None:
        fitted = loss_and_accuracy(objective.scores(flat, objective.features), train.labels)
        checked = loss_and_accuracy(objective.scores(flat, watched), validation.labels, "val_")
        history.append({**fitted, **checked})
        next(steps, None)

    start = np.zeros(count * (train.features.shape[1] + 1))
    options = {"maxiter": most, "gtol": _GRADIENT_TOLERANCE}
    found = minimize(
        objective, start, jac=True, method="L-BFGS-B", callback=record, options=options
    )
    for _ in steps:
        pass
    return Head(*(each.astype(np.float32) for each in objective.head(found.x))), history


def smoothed(labels: NDArray[np.intp], count: int, smoothing: float) -> NDArray[np.float64]:
    """Return targets float64 (N, count): one-hot labels, with a share spread over all labels."""
    return np.eye(count)[labels] * (1 - smoothing) + smoothing / count


def _losses(history: list[dict[str, float]]) -> str:
    last = history[-1] if history else {}
    return " ".join(f"{key} {last[key]:.3f}" for key in ("loss", "val_loss") if key in last)
