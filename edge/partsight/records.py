"""The values that travel from picture to verdict. Each is checked once, then frozen."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.utils.redaction import redact_text

__all__ = [
    "Fault",
    "Frame",
    "TriggerEvent",
    "OnEvent",
    "PartResult",
    "PictureFacts",
    "PictureResult",
    "Prediction",
    "Thresholds",
    "Verdict",
]

# Is told of what happens to a line: the kind of event, and what is to be known of it.
OnEvent = Callable[[str, Mapping[str, Any]], object]


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
        monotonic_s: when it arrived here, seconds of ``time.monotonic``: what its age is told by,
            since clocks that people set may jump.
    """

    image_bgr: NDArray[np.uint8]
    captured_at: datetime
    source: str
    index: int
    monotonic_s: float = field(default_factory=time.monotonic)


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
        contrast: grey levels, 0 to 255, that the central 85 % of the network's input spread
            over, see ``grey_range``; None where it was not measured. Not in rows.
    """

    scores: Mapping[str, float]
    tile: tuple[int, int] | None = None
    heatmap: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    contrast: float | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """The label with the highest score; of equal ones the first in the model's order."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def score(self) -> float:
        """The score of ``label``."""
        return self.scores[self.label]


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What tells a picture file from another one of the same name.

    Attributes:
        size: bytes.
        modified_at: when it was last changed, with a time zone; None where nobody says.
        sha256: hexadecimal digest of its bytes.
    """

    size: int
    modified_at: datetime | None
    sha256: str


@dataclass(frozen=True, slots=True)
class PictureResult:
    """The outcome for one picture file: a prediction and verdict, or the reason for none.

    Attributes:
        path: what the picture is called: its path, or ``archive.zip!/member`` and the like.
        model_sha256: digest of the model that judged.
        prediction: what the model said.
        verdict: what is to be done with the part.
        reason: why this verdict, in words; None without one.
        error: why there is neither.
        facts: of its file, where they were asked for.
        undeclared_bits: significant bits of a 16-bit file that was refused because the model
            declares no bit depth. Not in rows.
    """

    path: str
    model_sha256: str
    prediction: Prediction | None = None
    verdict: Verdict | None = None
    error: str | None = None
    facts: PictureFacts | None = None
    reason: str | None = None
    undeclared_bits: int | None = None

    def row(self) -> dict[str, Any]:
        """The columns of ``partsight classify``."""
        return {
            "path": self.path,
            **_prediction_columns(self.prediction),
            "verdict": self.verdict and self.verdict.value,
            "reason": self.reason,
            "model": self.model_sha256,
            "error": self.error and redact_text(self.error),
        }

    def details(self) -> dict[str, Any]:
        """The columns of ``partsight classify --details``, beside the others."""
        modified_at = self.facts and self.facts.modified_at
        return {
            "size": self.facts and self.facts.size,
            "modified_at": modified_at and modified_at.isoformat(timespec="milliseconds"),
            "sha256": self.facts and self.facts.sha256,
        }


@dataclass(frozen=True, slots=True)
class TriggerEvent:
    """That a part is to be judged, and what is known of it.

    Attributes:
        trigger: the kind of trigger that said so, such as ``frame``, ``interval``, ``mqtt``.
        monotonic_s: when, seconds of ``time.monotonic``: the first frame after it shows the part.
        part_id: serial number or barcode, where the trigger tells one.
    """

    trigger: str
    monotonic_s: float
    part_id: str | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The scores that a verdict was given by, see ``OperatingPoint``."""

    accept_above: float
    reject_below: float


@dataclass(frozen=True, slots=True)
class PartResult:
    """The outcome for one part of the line. There is always a verdict.

    Attributes:
        id: a UUID of version 7, so that ids sort by time.
        captured_at: when the frame was, or when it should have been.
        source: where the frame came from.
        index: its place in the source, from 0.
        model_sha256: digest of the model that judged.
        verdict: what is to be done with the part.
        latency_ms: milliseconds from the frame's arrival in the loop to the verdict.
        reason: why this verdict, in words.
        prediction: what the model said; None where it was not asked.
        error: what was wrong, where the verdict is the fail-safe one.
        trigger_event: what asked for the verdict.
        thresholds: in force; None where nothing was judged.
        model_version: as its maker named it.
        frame_age_ms: milliseconds from the frame's arrival on the device to that in the loop.
        stages_ms: milliseconds of each stage: preprocess, invoke, decide.
        picture: where the frame is kept, in the folder of pictures; None where it is not.
    """

    id: str
    captured_at: datetime
    source: str
    index: int
    model_sha256: str
    verdict: Verdict
    latency_ms: float
    reason: str
    prediction: Prediction | None = None
    error: str | None = None
    trigger_event: TriggerEvent | None = None
    thresholds: Thresholds | None = None
    model_version: str | None = None
    frame_age_ms: float | None = None
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    picture: str | None = None

    def row(self) -> dict[str, Any]:
        """The columns of ``partsight watch`` and of the journal."""
        age = self.frame_age_ms
        return {
            "id": self.id,
            "captured_at": self.captured_at.isoformat(timespec="milliseconds"),
            "part_id": self.trigger_event and self.trigger_event.part_id,
            "trigger": self.trigger_event and self.trigger_event.trigger,
            "source": redact_text(self.source),
            "frame": self.index,
            **_prediction_columns(self.prediction),
            "verdict": self.verdict.value,
            "reason": redact_text(self.reason),
            "accept_above": self.thresholds and self.thresholds.accept_above,
            "reject_below": self.thresholds and self.thresholds.reject_below,
            "latency_ms": round(self.latency_ms, 3),
            "stages_ms": {stage: round(ms, 3) for stage, ms in self.stages_ms.items()},
            "frame_age_ms": None if age is None else round(age, 3),
            "model": self.model_sha256,
            "model_version": self.model_version,
            "picture": self.picture,
            "error": self.error and redact_text(self.error),
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
