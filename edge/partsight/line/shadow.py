"""Shadow mode: a second model judges the same frames, with no say in the verdict.

Enters: each judged frame, after its verdict is announced. Leaves: what the other model says, to a
callback, in a thread of its own. It has a mailbox of one slot: inspection never waits for it, and
a frame that comes while it is busy replaces the one that waits.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from partsight.errors import PartsightError
from partsight.inference.classifier import Classifier
from partsight.records import OnEvent, PartResult
from partsight.telemetry.telemetry import Telemetry

__all__ = ["SHADOW_EVENT", "Shadow"]

logger = logging.getLogger(__name__)

# How long the end of the line waits for the frame that the shadow is at.
_LEAVE_S = 3.0
# The kind of the journal's events that hold what a shadow model said.
SHADOW_EVENT = "shadow"


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    image_bgr: NDArray[np.uint8]
    result: PartResult


class Shadow:
    """Judges alongside, while it is open.

    Args:
        classifier: the second model; nobody else's.
        telemetry: counts by ``agree``, ``disagree``, ``skipped`` and ``failed``; gets the state.
        on_event: is told ``"shadow"`` and what it said, in the shadow's thread.
    """

    def __init__(self, classifier: Classifier, telemetry: Telemetry, on_event: OnEvent) -> None:
        self._classifier, self._telemetry, self._on_event = classifier, telemetry, on_event
        self._waiting: _Judged | None = None
        self._closed = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def __enter__(self) -> Shadow:
        self._thread.start()
        self._telemetry.state("shadow", "running", self._classifier.model_sha256)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(_LEAVE_S)

    def offer(self, image_bgr: NDArray[np.uint8], result: PartResult) -> None:
        """Have a frame judged when there is time; returns at once.

        Args:
            image_bgr: uint8 (H, W, 3), which nobody changes any more.
            result: what was announced. Without a prediction there is nothing to compare.
        """
        if result.prediction is None:
            return
        with self._wake:
            skipped = self._waiting is not None
            self._waiting = _Judged(image_bgr, result)
            self._wake.notify()
        if skipped:
            self._telemetry.count("shadow", "skipped")

    def _run(self) -> None:
        while (inspection := self._next()) is not None:
            try:
                self._inspector(inspection)
            except PartsightError as error:
                self._failed(error)
            except Exception as error:
                logger.exception("the shadow model failed")
                self._failed(error)

    def _next(self) -> _Judged | None:
        """The frame that waits, or None when it is time to end."""
        with self._wake:
            self._wake.wait_for(lambda: self._closed or self._waiting is not None)
            inspection, self._waiting = self._waiting, None
            return None if self._closed else inspection

    def _inspector(self, inspection: _Judged) -> None:
        (prediction,) = self._classifier.classify([inspection.image_bgr])
        verdict, result = self._classifier.decide(prediction), inspection.result
        self._telemetry.count("shadow", "agree" if verdict == result.verdict else "disagree")
        self._telemetry.state("shadow", "running", self._classifier.model_sha256)
        self._on_event(
            SHADOW_EVENT,
            {
                "id": result.id,
                "model": result.model_sha256,
                "verdict": result.verdict.value,
                "shadow_model": self._classifier.model_sha256,
                "shadow_verdict": verdict.value,
                "label": prediction.label,
                "score": prediction.score,
            },
        )

    def _failed(self, error: Exception) -> None:
        self._telemetry.count("shadow", "failed")
        self._telemetry.state("shadow", "failed", str(error))
