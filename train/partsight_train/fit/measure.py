"""Figures of a run, of the float model and of the delivered file, for ``metrics.json``."""

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
    """An image with a wrong predicted label, and the score of this label, in [0, 1]."""

    path: Path
    true: str
    predicted: str
    score: float


def mistakes(labels: tuple[str, ...], scored: ScoredImages) -> list[Mistake]:
    """Return the wrongly classified images, highest score first."""
    predicted, highest = scored.scores.argmax(axis=1), scored.scores.max(axis=1)
    wrong = np.flatnonzero(predicted != scored.true)
    return [
        Mistake(
            scored.paths[row], labels[scored.true[row]], labels[predicted[row]], float(highest[row])
        )
        for row in wrong[np.argsort(-highest[wrong], kind="stable")]
    ]


def split_metrics(
    labels: tuple[str, ...],
    true: NDArray[np.intp],
    scores: NDArray[np.float64],
    point: OperatingPoint,
    contrasts: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Return one model's section of ``metrics.json``: its figures on the test split.

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
