"""Shadow mode: a second model classifies the same frames without influence on the verdict.

It runs in a thread of its own, after the verdict was announced. Inspection never waits for it: a
frame that comes while it is busy replaces the frame that waits.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partsight.errors import PartsightError
from partsight.inference.classifier import Classifier
from partsight.records import OnEvent, PartResult
from partsight.telemetry.telemetry import Telemetry

__all__ = ["SHADOW_EVENT", "Shadow"]

logger = logging.getLogger(__name__)

# Time to finish the current frame when the line ends.
_STOP_S = 3.0
# Kind of the journal's events with results of the shadow model.
SHADOW_EVENT = "shadow"


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    image_bgr: NDArray[np.uint8]
    result: PartResult


class Shadow:
    """Classifies frames with a second model while it is open.

    Args:
        classifier: the second model, used only here.
        telemetry: counts ``agree``, ``disagree``, ``skipped`` and ``failed``; gets the state.
        on_event: gets the event ``"shadow"`` with each result, in the shadow's thread.
    """

    def __init__(self, classifier: Classifier, telemetry: Telemetry, on_event: OnEvent) -> None:
        self._classifier, self._telemetry, self._on_event = classifier, telemetry, on_event
        self._waiting: _Waiting | None = None
        self._closed = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def __enter__(self) -> Shadow:
        self._thread.start()
        self._telemetry.state("shadow", "running", self._classifier.model_sha256)
        return self

    def __exit__(self, *error: object) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(_STOP_S)

    def offer(self, image_bgr: NDArray[np.uint8], result: PartResult) -> None:
        """Queue a frame for classification; does not block.

        Args:
            image_bgr: uint8 (H, W, 3) BGR; must not be changed afterwards.
            result: the announced result; ignored without a prediction to compare with.
        """
        if result.prediction is None:
            return
        with self._wake:
            skipped = self._waiting is not None
            self._waiting = _Waiting(image_bgr, result)
            self._wake.notify()
        if skipped:
            self._telemetry.count("shadow", "skipped")

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            try:
                self._classify(waiting)
            except PartsightError as error:
                self._failed(error)
            except Exception as error:
                logger.exception("the shadow model failed")
                self._failed(error)

    def _next(self) -> _Waiting | None:
        """Wait for the next frame; None when the shadow is closed."""
        with self._wake:
            self._wake.wait_for(lambda: self._closed or self._waiting is not None)
            waiting, self._waiting = self._waiting, None
            return None if self._closed else waiting

    def _classify(self, waiting: _Waiting) -> None:
        (prediction,) = self._classifier.classify([waiting.image_bgr])
        verdict, result = self._classifier.decide(prediction), waiting.result
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
