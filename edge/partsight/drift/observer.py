"""The drift watch beside the line: told of every result, after all who must not wait.

Enters: results with what the network saw, and the model in force. Leaves: nothing but the alarms
of ``DriftWatch``. Another model brings a reference of its own.
"""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from partsight.decision.decide import accept_score, decide, is_flat
from partsight.decision.operating_point import OperatingPoint
from partsight.drift.expected import DriftSettings
from partsight.drift.watch import DriftWatch
from partsight.image.statistics import image_statistics
from partsight.inference.classifier import Classifier
from partsight.records import PartResult
from partsight.telemetry.telemetry import Telemetry

__all__ = ["DriftObserver", "InForce", "Seen"]

logger = logging.getLogger(__name__)


class InForce(Protocol):
    """By what parts are judged now: the line's ``Judge``."""

    @property
    def classifier(self) -> Classifier:
        """The model."""

    @property
    def point(self) -> OperatingPoint:
        """Its operating point, as the configuration has it."""


class Seen(Protocol):
    """A result and what it was made from: the line's ``Judged``."""

    @property
    def result(self) -> PartResult:
        """What the journal keeps."""

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """What the network saw: uint8 (h, w, 3), RGB."""


class DriftObserver:
    """To be called with each result, in the loop's thread.

    Args:
        in_force: asked for the model each time.
        settings: how closely to watch.
        telemetry: gets the alarms.
    """

    def __init__(self, in_force: InForce, settings: DriftSettings, telemetry: Telemetry) -> None:
        self._in_force = in_force
        self._sha256 = in_force.classifier.model_sha256
        reference = in_force.classifier.contract.reference
        self._watch = DriftWatch(reference, settings, telemetry)

    def __call__(self, seen: Seen) -> None:
        """Take note of a part, unless it is a fault or a picture that shows no part."""
        self.follow_model()
        prediction = seen.result.prediction
        if prediction is None or seen.result.model_sha256 != self._sha256:
            return
        point, picture = self._in_force.point, seen.picture
        if is_flat(prediction, point):
            return
        self._watch.see(
            # Of this very frame: votes over several would hide a shift for a while.
            decide(prediction, point),
            accept_score(prediction.scores, point),
            None if picture is None else image_statistics(picture),
        )

    def follow_model(self) -> None:
        """Watch the model that is in force now; called after a swap, and at each part."""
        classifier = self._in_force.classifier
        if classifier.model_sha256 != self._sha256:
            self._sha256 = classifier.model_sha256
            self._watch.restart(classifier.contract.reference)
            if self.note:
                logger.warning("%s", self.note)

    @property
    def note(self) -> str:
        """What people must know of the model's reference, see ``DriftWatch``; may be empty."""
        return self._watch.note
