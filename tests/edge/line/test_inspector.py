"""The inspector gives a verdict for every part, the fail-safe one if inspection is impossible."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from pydantic import ValidationError

from partsight.config.decision import DecisionConfig
from partsight.errors import ConfigError, ModelError
from partsight.line.inspector import Inspector
from partsight.records import Fault, Frame, TriggerEvent, Verdict

WHEN = datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc)
OCCASION = TriggerEvent("mqtt", 12.0, "part 7")


def test_the_row_of_a_frame(classifier, make_frame) -> None:
    ticks = itertools.count(100.0, 0.0125)
    frame = dataclasses.replace(make_frame(192, 4), monotonic_s=99.9)

    later = WHEN + timedelta(days=9)  # the time of a file may be any
    inspector = Inspector(classifier, clock=lambda: next(ticks), now=lambda: later)

    row = inspector(OCCASION, frame).result.row()

    parsed = uuid.UUID(row.pop("id"))
    assert parsed.version == 7
    assert parsed.int >> 80 == int(later.timestamp() * 1000)
    assert row == {
        "captured_at": "2024-05-06T07:08:09.123+00:00",
        "part_id": "part 7",
        "trigger": "mqtt",
        "source": "script",
        "frame": 4,
        "label": "healthy",
        "score": 0.75,
        "scores": {"defected": 63 / 256, "healthy": 0.75},
        "tile": None,
        "verdict": "review",
        "reason": "healthy 0.750 is not above 0.750",
        "accept_above": 0.75,
        "reject_below": 0.5,
        "latency_ms": 62.5,
        "stages_ms": {"preprocess": 12.5, "invoke": 12.5, "decide": 12.5},
        "frame_age_ms": 100.0,
        "model": classifier.model_sha256,
        "model_version": None,
        "picture": None,
        "error": None,
        "inspected_at": "2024-05-15T07:08:09.123+00:00",
    }


@pytest.mark.parametrize(
    ("red", "verdict", "reason"),
    [
        (250, "accept", "healthy 0.977 is above 0.750"),
        (150, "review", "healthy 0.586 is not above 0.750"),
        (10, "reject", "healthy 0.039 is below 0.500"),
    ],
)
def test_a_verdict_says_why(red, verdict, reason, classifier, make_frame) -> None:
    result = Inspector(classifier)(OCCASION, make_frame(red)).result
    assert (result.verdict, result.reason, result.error) == (verdict, reason, None)


@pytest.mark.parametrize("fail_safe", [Verdict.REJECT, Verdict.REVIEW])
def test_a_part_that_cannot_be_inspected_gets_the_fail_safe_verdict(
    fail_safe, classifier, fake_interpreter, make_frame, monkeypatch
) -> None:
    inspector = Inspector(classifier, DecisionConfig(fail_safe=fail_safe.value))
    lens_cap = inspector(OCCASION, Fault("lens cap on", WHEN, "script", 1))
    grey = inspector(OCCASION, Frame(np.zeros((4, 4), np.uint8), WHEN, "script", 2))

    def fail(tensor: np.ndarray) -> np.ndarray:
        raise ModelError("out of\nmemory")

    monkeypatch.setattr(fake_interpreter, "invoke", fail)
    broken = inspector(OCCASION, make_frame(250, 3))

    for inspection, kind, error in (
        (lens_cap, "source", "lens cap on"),
        (grey, "picture", "an image must be uint8"),
        (broken, "model", "out of memory"),
    ):
        result = inspection.result
        assert (result.verdict, inspection.fault) == (fail_safe, kind)
        assert result.error is not None
        assert result.error.startswith(error)
        assert result.reason == result.error
        row = result.row()
        assert row["label"] is row["scores"] is row["accept_above"] is None
        assert list(row) == list(inspector(OCCASION, make_frame(1)).result.row())
    assert (lens_cap.frame, lens_cap.result.frame_age_ms) == (None, None)
    assert broken.frame is not None


def test_after_a_fault_the_next_part_is_inspected(classifier, make_frame) -> None:
    inspector = Inspector(classifier)
    assert DecisionConfig().fail_safe == "reject"
    assert inspector(OCCASION, Fault("gone", WHEN, "script", 0)).result.verdict == "reject"
    assert inspector(OCCASION, make_frame(250)).result.verdict == "accept"


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"fail_safe": "accept"}, "Input should be 'reject' or 'review'"),
        ({"votes": 0}, "Input should be greater than 0"),
        ({"votes": 3, "window": 2}, "Received: 3 and 2"),
        ({"votes": 2, "window": 2}, None),
    ],
)
def test_policies(policy, message) -> None:
    if message is None:
        DecisionConfig(**policy)
        return
    with pytest.raises(ValidationError, match=message):
        DecisionConfig(**policy)


A, V, R = 250, 150, 10  # reds that are accepted, reviewed and rejected by themselves


@pytest.mark.parametrize(
    ("votes", "window", "reds", "verdicts"),
    [
        (1, 1, [A, R, A], "ara"),
        (2, 3, [A, A, A], "vaa"),
        (2, 3, [A, A, R, A], "vaaa"),
        (2, 3, [A, A, R, R, A], "vaarr"),
        (2, 3, [R, A, A], "rra"),
        (2, 3, [V, V, A, A], "vvva"),
        (1, 3, [A, R, R, R], "aaar"),
        (3, 3, [A, A, A, V, A, A, A], "vvavvva"),
    ],
)
def test_the_last_frames_decide_together(
    votes, window, reds, verdicts, classifier, make_frame
) -> None:
    inspector = Inspector(classifier, DecisionConfig(votes=votes, window=window))
    results = [inspector(OCCASION, make_frame(red)).result for red in reds]
    letters = {"accept": "a", "reject": "r", "review": "v"}
    assert "".join(letters[result.verdict] for result in results) == verdicts
    assert ("vote accept" in results[-1].reason) == (window > 1)


def test_a_fault_has_no_vote(classifier, make_frame) -> None:
    inspector = Inspector(classifier, DecisionConfig(votes=2, window=2))
    inspector(OCCASION, make_frame(A))
    assert inspector(OCCASION, Fault("gone", WHEN, "script", 0)).result.verdict == "reject"
    assert inspector(OCCASION, make_frame(A)).result.verdict == "accept"


def test_another_policy_holds_from_the_next_frame_on(classifier, make_frame) -> None:
    inspector = Inspector(classifier, DecisionConfig(votes=2, window=2))
    inspector(OCCASION, make_frame(A))
    inspector.use(policy=DecisionConfig(accept_above=0.5, votes=2, window=2))
    result = inspector(OCCASION, make_frame(V)).result
    # Alone it would be accepted now; verdicts of the previous policy have no vote.
    assert (result.verdict, result.thresholds.accept_above) == ("review", 0.5)
    assert inspector(OCCASION, make_frame(V)).result.verdict == "accept"
    with pytest.raises(ConfigError):
        inspector.use(policy=DecisionConfig(reject_below=0.9))
    assert inspector.point.accept_above == 0.5
