"""The head's weights at the minimum of its loss, by L-BFGS. NumPy and SciPy.

The loss is convex, so there is one minimum, and a method that uses its curvature is there
in a second, without a learning rate and the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from partsight.inference.scores import softmax
from partsight.utils.progress import Progress, silent
from partsight_train.heads.head import Examples, Head, measures
from partsight_train.settings import HeadSettings

__all__ = ["Objective", "minimum", "smoothed"]

Scores = NDArray[np.float64]

_MOST_ITERATIONS = 500
_GRADIENT_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """Mean cross-entropy + l2 x the squared kernel, as a function of all weights in a row.

    Attributes:
        features: float64 (N, D).
        targets: float64 (N, K), rows that sum to 1.
        weights: float64 (N,), of the examples; mean 1.
        l2: of the kernel, not of the bias; of each feature, float64 (D, 1), or of all.
    """

    features: NDArray[np.float64]
    targets: NDArray[np.float64]
    weights: NDArray[np.float64]
    l2: NDArray[np.float64] | float

    def head(self, flat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Kernel (D, K) and bias (K,)."""
        labels = self.targets.shape[1]
        return flat[:-labels].reshape(-1, labels), flat[-labels:]

    def scores(self, flat: NDArray[np.float64], features: NDArray[np.float64]) -> Scores:
        """Probabilities (N, K) that these weights give."""
        kernel, bias = self.head(flat)
        return softmax(features @ kernel + bias)

    def __call__(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Loss and gradient. That of the cross-entropy by the logits is softmax - target."""
        kernel, _ = self.head(flat)
        scores = self.scores(flat, self.features)
        likelihood = np.log(np.maximum(scores, np.finfo(np.float64).tiny))
        loss = -float((self.weights * (self.targets * likelihood).sum(axis=1)).mean())
        slope = self.weights[:, np.newaxis] * (scores - self.targets) / len(scores)
        by_kernel = self.features.T @ slope + 2 * self.l2 * kernel
        gradient = np.concatenate([by_kernel.ravel(), slope.sum(axis=0)])
        return loss + float((self.l2 * kernel**2).sum()), gradient


def minimum(
    train: Examples,
    validation: Examples,
    count: int,
    settings: HeadSettings,
    weights: Mapping[int, float] | None,
    progress: Progress = silent,
) -> tuple[Head, list[dict[str, float]]]:
    """Find the weights with the least loss.

    Args:
        train: what is fitted.
        validation: only watched: the minimum is where it is.
        count: K, the number of labels.
        settings: ``steps``, ``l2`` and ``label_smoothing`` count.
        weights: of each label's examples; None for all the same.
        progress: told of each iteration.

    Returns:
        The head, and a row of losses and accuracies an iteration.
    """
    objective = Objective(
        train.features.astype(np.float64),
        smoothed(train.labels, count, settings.label_smoothing),
        np.array([weights[label] if weights else 1.0 for label in train.labels.tolist()]),
        settings.l2,
    )
    watched = validation.features.astype(np.float64)
    most = settings.steps or _MOST_ITERATIONS
    history: list[dict[str, float]] = []
    told = iter(progress(range(most), most, show=lambda _: _losses(history)))

    def look(flat: NDArray[np.float64]) -> None:
        fitted, seen = (objective.scores(flat, part) for part in (objective.features, watched))
        history.append(
            {**measures(fitted, train.labels), **measures(seen, validation.labels, "val_")}
        )
        next(told, None)

    start = np.zeros(count * (train.features.shape[1] + 1))
    options = {"maxiter": most, "gtol": _GRADIENT_TOLERANCE}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", callback=look, options=options)
    for _ in told:
        pass
    return Head(*(part.astype(np.float32) for part in objective.head(found.x))), history


def smoothed(labels: NDArray[np.intp], count: int, smoothing: float) -> NDArray[np.float64]:
    """Targets float64 (N, count): the label, but for a share that is spread over all."""
    return np.eye(count)[labels] * (1 - smoothing) + smoothing / count


def _losses(history: list[dict[str, float]]) -> str:
    last = history[-1] if history else {}
    return " ".join(f"{key} {last[key]:.3f}" for key in ("loss", "val_loss") if key in last)
