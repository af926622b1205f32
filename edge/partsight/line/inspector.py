"""Inspects one part: from a trigger event and its frame to the verdict, its reason and latency.

A part that cannot be inspected gets the fail-safe verdict with its cause. No error of a frame or
a model leaves this module as an exception.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from partsight.config.decision import DecisionConfig
from partsight.decision.decide import decide, is_flat, reason
from partsight.decision.operating_point import with_thresholds
from partsight.errors import ImageError, ModelError
from partsight.image.spec import PreprocessSpec
from partsight.inference.classifier import Classifier
from partsight.records import (
    Fault,
    Frame,
    PartResult,
    Prediction,
    Thresholds,
    TriggerEvent,
    Verdict,
)
from partsight.utils.ids import uuid7
from partsight.utils.wall_clock import utc_now

__all__ = ["Inspector", "Inspection"]

_DEFAULTS = DecisionConfig()


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """A result with the data behind it.

    Attributes:
        result: content of the journal's row.
        spec: preprocessing of the model, which made ``picture``.
        frame: the inspected frame; None if none came.
        picture: uint8 (h, w, 3) RGB, the input of the network; None if it was not run.
        fault: kind of fault: source, picture or model; None without a fault.
        flat: whether the picture has practically no contrast, and so shows no part.
    """

    result: PartResult
    spec: PreprocessSpec
    frame: Frame | None = None
    picture: NDArray[np.uint8] | None = None
    fault: str | None = None
    flat: bool = False


@dataclass(slots=True)
class _Findings:
    """Intermediate results of an inspection."""

    verdict: Verdict
    reason: str
    prediction: Prediction | None = None
    picture: NDArray[np.uint8] | None = None
    fault: str | None = None
    flat: bool = False
    stages_ms: dict[str, float] = field(default_factory=dict)


class Inspector:
    """A classifier with its decision policy. Not thread-safe.

    Attributes:
        classifier: the active model.
        point: its operating point with the thresholds of the policy.
        policy: thresholds, votes and fail-safe verdict.

    Args:
        clock: seconds, monotonic.
        now: wall-clock time, of the inspection.

    Raises:
        ConfigError: the policy's thresholds contradict the contract's.
    """

    def __init__(
        self,
        classifier: Classifier,
        policy: DecisionConfig = _DEFAULTS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock, self._now = clock, now
        self._use(classifier, policy)
        self._last: collections.deque[Verdict] = collections.deque(maxlen=self.policy.window)

    def use(
        self, classifier: Classifier | None = None, policy: DecisionConfig | None = None
    ) -> None:
        """From the next frame on, judge by another model or another policy.

        Raises:
            ConfigError: model and policy contradict each other; nothing is changed.
        """
        self._use(classifier or self.classifier, policy or self.policy)
        # Verdicts of the previous model or policy do not vote.
        self._last = collections.deque(maxlen=self.policy.window)

    def _use(self, classifier: Classifier, policy: DecisionConfig) -> None:
        self.point = with_thresholds(
            classifier.contract.operating_point,
            policy.accept_above,
            policy.reject_below,
            policy.min_contrast,
        )
        self.classifier, self.policy = classifier, policy

    def __call__(self, trigger_event: TriggerEvent, seen: Frame | Fault) -> Inspection:
        """Inspect a part."""
        started = self._clock()
        frame = seen if isinstance(seen, Frame) else None
        found = self._find(seen)
        if self.policy.window > 1:
            self._vote(found)
        result = PartResult(
            id=uuid7(int(self._now().timestamp() * 1000)),
            captured_at=seen.captured_at,
            source=seen.source,
            index=seen.index,
            model_sha256=self.classifier.model_sha256,
            verdict=found.verdict,
            latency_ms=(self._clock() - started) * 1000,
            reason=found.reason,
            prediction=found.prediction,
            error=found.reason if found.fault else None,
            trigger_event=trigger_event,
            thresholds=None
            if found.prediction is None
            else Thresholds(self.point.accept_above, self.point.reject_below),
            model_version=self.classifier.contract.version,
            frame_age_ms=None if frame is None else (started - frame.monotonic_s) * 1000,
            stages_ms=found.stages_ms,
        )
        spec = self.classifier.contract.preprocess
        return Inspection(result, spec, frame, found.picture, found.fault, found.flat)

    def _find(self, seen: Frame | Fault) -> _Findings:
        found = _Findings(Verdict(self.policy.fail_safe), "")
        if isinstance(seen, Fault):
            found.reason, found.fault = seen.reason, "source"
            return found
        times = [self._clock()]
        try:
            found.picture = self.classifier.prepare(seen.image_bgr)
            times.append(self._clock())
            found.prediction = self.classifier.predict(found.picture)
            times.append(self._clock())
            found.flat = is_flat(found.prediction, self.point)
            found.verdict = decide(found.prediction, self.point)
            found.reason = reason(found.prediction, self.point)
            times.append(self._clock())
        except (ImageError, ModelError) as refusal:
            found.reason = " ".join(str(refusal).split())
            found.fault = "picture" if isinstance(refusal, ImageError) else "model"
        names = ("preprocess", "invoke", "decide")
        steps = zip(times, times[1:], strict=False)
        found.stages_ms = {name: (b - a) * 1000 for name, (a, b) in zip(names, steps, strict=False)}
        return found

    def _vote(self, found: _Findings) -> None:
        """Decide by the votes of the last frames.

        A fault or a flat picture has no vote and keeps its own verdict: votes cannot accept it.
        """
        if found.fault or found.flat:
            return
        self._last.append(found.verdict)
        votes, window = self.policy.votes, self.policy.window
        accepts = self._last.count(Verdict.ACCEPT)
        if accepts >= votes:
            found.verdict = Verdict.ACCEPT
        else:
            found.verdict = Verdict.REJECT if Verdict.REJECT in self._last else Verdict.REVIEW
        found.reason += (
            f"; {accepts} of the last {len(self._last)} frames vote accept, {votes} of {window} "
            "are needed"
        )
