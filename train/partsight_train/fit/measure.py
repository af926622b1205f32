"""The figures of a run: of the float model, and of the very file that is delivered.

Enters: scores with their true labels. Leaves: the document of ``metrics.json``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.decision.operating_point import OperatingPoint
from partsight.evaluation.evaluate import ScoredImages
from partsight.evaluation.metrics import classification_metrics
from partsight.evaluation.verdict_metrics import verdict_metrics

__all__ = ["Mistake", "mistakes", "split_metrics"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture that the file took for another label, and how sure it was."""

    path: Path
    true: str
    predicted: str
    score: float


def mistakes(labels: tuple[str, ...], scored: ScoredImages) -> list[Mistake]:
    """What a file got wrong, the surest first."""
    predicted, surety = scored.scores.argmax(axis=1), scored.scores.max(axis=1)
    wrong = np.flatnonzero(predicted != scored.true)
    return [
        Mistake(
            scored.paths[row], labels[scored.true[row]], labels[predicted[row]], float(surety[row])
        )
        for row in wrong[np.argsort(-surety[wrong], kind="stable")]
    ]


def split_metrics(
    labels: tuple[str, ...],
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
    point: OperatingPoint,
    contrasts: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """One model's part of ``metrics.json``: its figures on the test split.

    See ``verdict_metrics`` for the arguments.
    """
    metrics = classification_metrics(labels, true, scores)
    return {
        "test_accuracy": metrics.pop("accuracy"),
        "test_images": metrics.pop("images"),
        **metrics,
        "operating_point": dataclasses.asdict(point),
        **verdict_metrics(labels, true, scores, point, contrasts),
    }
