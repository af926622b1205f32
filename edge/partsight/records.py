"""The values that travel from picture to verdict. Each is checked once, then frozen."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fault", "Frame", "PartResult", "PictureResult", "Prediction", "Verdict"]


class Verdict(str, enum.Enum):
    """What is to be done with a part. Equal to its own text: ``Verdict.ACCEPT == "accept"``."""

    ACCEPT = "accept"
    REJECT = "reject"
    REVIEW = "review"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a part, as a source gave it.

    Attributes:
        image_bgr: uint8 (H, W, 3), blue-green-red as OpenCV gives it.
        captured_at: when it was taken or read, with a time zone.
        source: the camera, address or file that it came from.
        index: its place in the source, from 0.
    """

    image_bgr: NDArray[np.uint8]
    captured_at: datetime
    source: str
    index: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A frame that should have come and could not be used, and why."""

    reason: str
    captured_at: datetime
    source: str
    index: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one picture.

    Attributes:
        scores: label to probability in [0, 1], in the model's order of labels.
        tile: row and column, from the top left, of the tile that they are of, the worst;
            None where the model judges the picture as a whole.
        heatmap: float32 (h, w), where in what the network sees the evidence for a bad part
            lies, see ``Contract.heatmap``; None where the model gives none. Not in rows.
    """

    scores: Mapping[str, float]
    tile: tuple[int, int] | None = None
    heatmap: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        """The label with the highest score; of equal ones the first in the model's order."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def score(self) -> float:
        """The score of ``label``."""
        return self.scores[self.label]


@dataclass(frozen=True, slots=True)
class PictureResult:
    """The outcome for one picture file: a prediction and verdict, or the reason for none."""

    path: str
    model_sha256: str
    prediction: Prediction | None = None
    verdict: Verdict | None = None
    error: str | None = None

    def row(self) -> dict[str, Any]:
        """The columns of ``partsight classify``."""
        return {
            "path": self.path,
            **_prediction_columns(self.prediction),
            "verdict": self.verdict and self.verdict.value,
            "model": self.model_sha256,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class PartResult:
    """The outcome for one frame of the line. There is always a verdict.

    Attributes:
        id: a UUID of version 7, so that ids sort by time.
        latency_ms: milliseconds from the frame's arrival in the loop to the verdict.
    """

    id: str
    captured_at: datetime
    source: str
    index: int
    model_sha256: str
    verdict: Verdict
    latency_ms: float
    prediction: Prediction | None = None
    error: str | None = None

    def row(self) -> dict[str, Any]:
        """The columns of ``partsight watch``."""
        return {
            "id": self.id,
            "captured_at": self.captured_at.isoformat(timespec="milliseconds"),
            "source": self.source,
            "frame": self.index,
            **_prediction_columns(self.prediction),
            "verdict": self.verdict.value,
            "latency_ms": round(self.latency_ms, 3),
            "model": self.model_sha256,
            "error": self.error,
        }


def _prediction_columns(prediction: Prediction | None) -> dict[str, Any]:
    if prediction is None:
        return {"label": None, "score": None, "scores": None, "tile": None}
    return {
        "label": prediction.label,
        "score": prediction.score,
        "scores": dict(prediction.scores),
        "tile": prediction.tile and list(prediction.tile),
    }
