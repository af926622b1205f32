"""Connects the drift watch to the line: passes on each inspection and each model swap."""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from partsight.config.drift import DriftConfig
from partsight.decision.decide import accept_score, decide, is_flat
from partsight.decision.operating_point import OperatingPoint
from partsight.drift.watch import DriftWatch
from partsight.image.statistics import image_statistics
from partsight.inference.classifier import Classifier
from partsight.records import PartResult
from partsight.telemetry.telemetry import Telemetry

__all__ = ["ActiveModel", "DriftObserver", "Seen"]

logger = logging.getLogger(__name__)


class ActiveModel(Protocol):
    """The active model and its operating point: the line's ``Inspector``."""

    @property
    def classifier(self) -> Classifier:
        """The active model."""

    @property
    def point(self) -> OperatingPoint:
        """Its operating point with the configured thresholds."""


class Seen(Protocol):
    """The fields of the line's ``Inspection`` that drift uses."""

    @property
    def result(self) -> PartResult:
        """The result of the inspection."""

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """Input of the network: uint8 (h, w, 3) RGB."""


class DriftObserver:
    """Called with each inspection, in the loop's thread.

    Args:
        active: the active model and operating point, read at each inspection.
        settings: of the drift watch.
        telemetry: gets the alarms.
    """

    def __init__(self, active: ActiveModel, settings: DriftConfig, telemetry: Telemetry) -> None:
        self._active = active
        self._sha256 = active.classifier.model_sha256
        reference = active.classifier.contract.reference
        self._watch = DriftWatch(reference, settings, telemetry)

    def __call__(self, seen: Seen) -> None:
        """Count a part, unless it has a fault or its picture shows no part."""
        self.follow_model()
        prediction = seen.result.prediction
        if prediction is None or seen.result.model_sha256 != self._sha256:
            return
        point, picture = self._active.point, seen.picture
        if is_flat(prediction, point):
            return
        self._watch.see(
            # The verdict of this frame alone: votes over several frames would hide a shift.
            decide(prediction, point),
            accept_score(prediction.scores, point),
            None if picture is None else image_statistics(picture),
        )

    def follow_model(self) -> None:
        """Watch the active model; called after a swap and at each part."""
        classifier = self._active.classifier
        if classifier.model_sha256 != self._sha256:
            self._sha256 = classifier.model_sha256
            self._watch.restart(classifier.contract.reference)
            if self.note:
                logger.warning("%s", self.note)

    @property
    def note(self) -> str:
        """Note for the operator about the model's reference, see ``DriftWatch``; may be empty."""
        return self._watch.note
