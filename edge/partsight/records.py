"""Value objects on the way from a frame to its verdict."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partsight.utils.ids import time_of_uuid7
from partsight.utils.redaction import redact_text

__all__ = [
    "Fault",
    "Frame",
    "TriggerEvent",
    "OnEvent",
    "PartResult",
    "ImageFileFacts",
    "ImageResult",
    "Prediction",
    "Thresholds",
    "Verdict",
]

# Receives the events of a line: the kind of event and its details.
OnEvent = Callable[[str, Mapping[str, Any]], object]


class Verdict(str, enum.Enum):
    """Verdict on a part. It equals its text: ``Verdict.ACCEPT == "accept"``."""

    ACCEPT = "accept"
    REJECT = "reject"
    REVIEW = "review"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image from a source, with its time.

    Attributes:
        image_bgr: uint8 (H, W, 3), blue-green-red as from OpenCV.
        captured_at: time of capture or reading, with a time zone.
        source: camera, address or file.
        index: position in the source, from 0.
        monotonic_s: time of arrival, seconds of ``time.monotonic``. The age of a frame is computed
            from it, because the wall clock may be changed.
    """

    image_bgr: NDArray[np.uint8]
    captured_at: datetime
    source: str
    index: int
    monotonic_s: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Fault:
    """A frame that is missing or could not be used, with the reason."""

    reason: str
    captured_at: datetime
    source: str
    index: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's output for one image.

    Attributes:
        scores: label to probability in [0, 1], in the model's order of labels.
        tile: row and column, from the top left, of the worst tile, which has these scores; None if
            the model classifies the image as a whole.
        heatmap: float32 (h, w), evidence for a bad part over the network's input, see
            ``Contract.heatmap``; None if the model has no such output. Not in rows.
        contrast: range of the grey levels of the central 85 % of the network's input, 0 to 255,
            see ``grey_range``; None if it was not measured. Not in rows.
    """

    scores: Mapping[str, float]
    tile: tuple[int, int] | None = None
    heatmap: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    contrast: float | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """The label with the highest score, the first one in the model's order if equal."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def score(self) -> float:
        """The score of ``label``."""
        return self.scores[self.label]


@dataclass(frozen=True, slots=True)
class ImageFileFacts:
    """Facts that identify an image file among files of the same name.

    Attributes:
        size: bytes.
        modified_at: time of the last change, with a time zone; None if unknown.
        sha256: hexadecimal digest of its bytes.
    """

    size: int
    modified_at: datetime | None
    sha256: str


@dataclass(frozen=True, slots=True)
class ImageResult:
    """The result for one image: a prediction and a verdict, or an error.

    Attributes:
        path: name of the image: its path, or ``archive.zip!/member`` and similar.
        model_sha256: digest of the model file.
        prediction: the model's output.
        verdict: on the part.
        error: reason why there is neither prediction nor verdict.
        facts: of its file, if requested.
        reason: of the verdict, in words.
        undeclared_bits: significant bits of a 16-bit file that was refused because the model
            declares no bit depth. Not in rows.
    """

    path: str
    model_sha256: str
    prediction: Prediction | None = None
    verdict: Verdict | None = None
    error: str | None = None
    facts: ImageFileFacts | None = None
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
        """The additional columns of ``partsight classify --details``."""
        modified_at = self.facts and self.facts.modified_at
        return {
            "size": self.facts and self.facts.size,
            "modified_at": modified_at and modified_at.isoformat(timespec="milliseconds"),
            "sha256": self.facts and self.facts.sha256,
        }


@dataclass(frozen=True, slots=True)
class TriggerEvent:
    """A request to inspect a part.

    Attributes:
        trigger: kind of the trigger, such as ``frame``, ``interval``, ``mqtt``.
        monotonic_s: time, seconds of ``time.monotonic``; the first later frame shows the part.
        part_id: serial number or barcode, if the trigger provides one.
    """

    trigger: str
    monotonic_s: float
    part_id: str | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of a verdict, see ``OperatingPoint``."""

    accept_above: float
    reject_below: float


@dataclass(frozen=True, slots=True)
class PartResult:
    """The result of one inspection on the line. There is always a verdict.

    Attributes:
        id: a UUID of version 7 with the time of the inspection, so that ids sort by time.
        captured_at: time of the frame, or the time when it was expected; of a file, the time when
            it was changed.
        source: of the frame.
        index: of the frame in the source, from 0.
        model_sha256: digest of the model file.
        verdict: on the part.
        latency_ms: milliseconds from the frame's arrival in the loop to the verdict.
        reason: of the verdict, in words.
        prediction: the model's output; None if the model did not run.
        error: fault that led to the fail-safe verdict.
        trigger_event: request for this inspection.
        thresholds: of the verdict; None if there is no prediction.
        model_version: named by the model's maker.
        frame_age_ms: milliseconds from the frame's arrival on the device to the loop.
        stages_ms: milliseconds of each stage: preprocess, invoke, decide.
        image_path: path of the saved frame in the folder of pictures; None if it is not saved.
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
    image_path: str | None = None

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
            "picture": self.image_path,
            "error": self.error and redact_text(self.error),
            "inspected_at": inspected_at(self.id),
        }


def inspected_at(part_id: str | None) -> str | None:
    """Return the time of the inspection in a verdict's id; None if there is no id or no time."""
    found = None if part_id is None else time_of_uuid7(part_id)
    return None if found is None else found.isoformat(timespec="milliseconds")


def _prediction_columns(prediction: Prediction | None) -> dict[str, Any]:
    if prediction is None:
        return {"label": None, "score": None, "scores": None, "tile": None}
    return {
        "label": prediction.label,
        "score": prediction.score,
        "scores": dict(prediction.scores),
        "tile": prediction.tile and list(prediction.tile),
    }
