"""The inspection loop: a frame, a verdict, a row in every sink."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Sequence

from partsight.classify import Classifier
from partsight.errors import ImageError
from partsight.ids import uuid7
from partsight.records import Fault, Frame, PartResult, Verdict
from partsight.sinks.base import Sink
from partsight.sources.base import Source

__all__ = ["FAIL_SAFE", "watch"]

# A part that could not be judged must not pass for a good one.
FAIL_SAFE = Verdict.REJECT


def watch(
    source: Source,
    classifier: Classifier,
    sinks: Sequence[Sink],
    *,
    max_frames: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> collections.Counter[str]:
    """Judge every frame of a source until it ends.

    Args:
        source: where frames come from.
        classifier: the loaded model.
        sinks: each is given every row.
        max_frames: stop after so many; None goes on to the source's end.
        clock: seconds, monotonic.

    Returns:
        How many frames had each verdict; ``error`` counts those that could not be judged.

    Raises:
        SourceError: the source can give no more; what came before is written.
    """
    counts: collections.Counter[str] = collections.Counter()
    for event in itertools.islice(source, max_frames):
        result = _judge(event, classifier, clock)
        counts[result.verdict.value] += 1
        counts["error"] += result.error is not None
        for sink in sinks:
            sink.write(result.row())
    return counts


def _judge(event: Frame | Fault, classifier: Classifier, clock: Callable[[], float]) -> PartResult:
    started = clock()
    prediction, verdict, error = None, FAIL_SAFE, None
    if isinstance(event, Fault):
        error = event.reason
    else:
        try:
            (prediction,) = classifier.classify([event.image_bgr])
            verdict = classifier.decide(prediction)
        except ImageError as refusal:
            error = str(refusal)
    return PartResult(
        id=uuid7(int(event.captured_at.timestamp() * 1000)),
        captured_at=event.captured_at,
        source=event.source,
        index=event.index,
        model_sha256=classifier.model_sha256,
        verdict=verdict,
        latency_ms=(clock() - started) * 1000,
        reason=error or str(verdict),
        prediction=prediction,
        error=error,
    )
