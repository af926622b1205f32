"""The shadow model classifies frames without delaying or changing anything."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from partsight.api import Classifier
from partsight.cli.main import main
from partsight.errors import ImageError
from partsight.evaluation.intervals import proportion_interval
from partsight.journal import Journal, read_events
from partsight.line.shadow import Shadow
from partsight.line.shadow_report import agreements, report_lines
from partsight.records import Frame, PartResult, Prediction, Verdict
from partsight.telemetry.telemetry import Telemetry


class Heard:
    """Results of a shadow, and their number."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.came = threading.Semaphore(0)

    def __call__(self, kind: str, detail: Mapping[str, Any]) -> None:
        self.events.append({"kind": kind, **detail})
        self.came.release()

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self.came.acquire(timeout=30)


def announced(frame: Frame, verdict: Verdict, inspected: bool = True) -> PartResult:
    prediction = Prediction({"defected": 0.25, "healthy": 0.75}) if inspected else None
    return PartResult(f"id-{frame.index}", frame.captured_at, "script", frame.index, "a" * 64,
                      verdict, 1.0, "because", prediction)  # fmt: skip


def counts(telemetry: Telemetry) -> dict[str, float]:
    return {label: n for (name, label), n in telemetry.values().items() if name == "shadow"}


def test_each_result_of_the_shadow_is_an_event(
    classifier: Classifier, make_frame: Callable[..., Frame]
) -> None:
    telemetry, heard = Telemetry(), Heard()
    with Shadow(classifier, telemetry, heard) as shadow:
        for index, (red, verdict) in enumerate([(255, Verdict.ACCEPT), (0, Verdict.ACCEPT)]):
            frame = make_frame(red, index)
            shadow.offer(frame.image_bgr, announced(frame, verdict))
            heard.wait(1)
    assert counts(telemetry) == {"agree": 1, "disagree": 1}
    assert heard.events[0] == {
        "kind": "shadow", "id": "id-0", "model": "a" * 64, "verdict": "accept",
        "shadow_model": "f" * 64, "shadow_verdict": "accept", "label": "healthy",
        "score": pytest.approx(255 / 256)}  # fmt: skip
    assert heard.events[1]["shadow_verdict"] == "reject"


def test_a_frame_without_a_prediction_is_not_compared(
    classifier: Classifier, make_frame: Callable[..., Frame]
) -> None:
    telemetry, heard = Telemetry(), Heard()
    with Shadow(classifier, telemetry, heard) as shadow:
        shadow.offer(make_frame(0).image_bgr, announced(make_frame(0), Verdict.REJECT, False))
        shadow.offer(make_frame(0).image_bgr, announced(make_frame(0, 1), Verdict.REJECT))
        heard.wait(1)
    assert [event["id"] for event in heard.events] == ["id-1"]


def test_frames_are_skipped_and_counted_while_the_shadow_is_busy(
    classifier: Classifier, make_frame: Callable[..., Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry, heard = Telemetry(), Heard()
    busy, go_on = threading.Event(), threading.Event()
    classify = classifier.classify

    def slow(images: Any) -> Any:
        busy.set()
        assert go_on.wait(30)
        return classify(images)

    monkeypatch.setattr(classifier, "classify", slow)
    with Shadow(classifier, telemetry, heard) as shadow:
        first = make_frame(0, 0)
        shadow.offer(first.image_bgr, announced(first, Verdict.REJECT))
        assert busy.wait(30)
        for index in range(1, 5):
            frame = make_frame(0, index)
            shadow.offer(frame.image_bgr, announced(frame, Verdict.REJECT))
        go_on.set()
        heard.wait(2)
    # The one that it was at, and the newest.
    assert [event["id"] for event in heard.events] == ["id-0", "id-4"]
    assert counts(telemetry) == {"agree": 2, "skipped": 3}


@pytest.mark.parametrize("error", [ImageError("no picture"), RuntimeError("a bug")])
def test_a_failure_is_counted_and_does_not_end_the_shadow(
    error: Exception,
    classifier: Classifier,
    make_frame: Callable[..., Frame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    telemetry, heard = Telemetry(), Heard()
    failed = threading.Event()
    telemetry.on_change(lambda part, state: failed.set() if state.name == "failed" else None)

    def fail(images: Any) -> Any:
        raise error

    monkeypatch.setattr(classifier, "classify", fail)
    frame = make_frame(0)
    with Shadow(classifier, telemetry, heard) as shadow:
        shadow.offer(frame.image_bgr, announced(frame, Verdict.REJECT))
        assert failed.wait(30)
        monkeypatch.undo()
        shadow.offer(frame.image_bgr, announced(frame, Verdict.REJECT))
        heard.wait(1)
    assert counts(telemetry) == {"failed": 1, "agree": 1}
    assert telemetry.states()["shadow"].name == "running"


def test_closing_waits_for_at_most_one_frame(
    classifier: Classifier, make_frame: Callable[..., Frame]
) -> None:
    before = threading.active_count()
    with Shadow(classifier, Telemetry(), Heard()) as shadow:
        for index in range(100):
            frame = make_frame(0, index)
            shadow.offer(frame.image_bgr, announced(frame, Verdict.REJECT))
    deadline_s = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert threading.active_count() == before


def event(number: int, verdict: str, shadow: str, model: str = "a", other: str = "b") -> Any:
    detail = {"id": str(number), "model": model, "verdict": verdict, "shadow_model": other,
              "shadow_verdict": shadow, "label": "healthy", "score": 0.5}  # fmt: skip
    return {"seq": number, "at": "now", "kind": "shadow", "detail": detail}


def test_agreement_is_counted_a_pair_of_models() -> None:
    events = [event(n, "accept", "accept") for n in range(8)]
    events += [event(8, "accept", "reject"), event(9, "reject", "reject")]
    events += [event(1, "accept", "review", other="c")]
    first, second = agreements(events)
    assert (first.model, first.shadow_model, first.frames, first.agreed) == ("a", "b", 10, 9)
    assert first.share == 0.9
    assert first.interval == proportion_interval(9, 10)
    assert first.verdicts == {"accept": {"accept": 8, "reject": 1}, "reject": {"reject": 1}}
    assert (second.shadow_model, second.share) == ("c", 0.0)
    assert agreements([]) == []


def test_the_report_is_laid_out() -> None:
    (agreement,) = agreements([event(1, "accept", "accept"), event(2, "review", "reject")])
    lines = list(report_lines(agreement))
    assert lines[0] == (
        "b compared with a: 1 of 2 verdicts agree, 0.5000 (95 % interval 0.0126 to 0.9874)"
    )
    assert [line.split() for line in lines[2:]] == [
        ["accept", "1", "0", "0"],
        ["reject", "0", "0", "0"],
        ["review", "0", "1", "0"],
    ]


def test_the_command_reports_a_journal(tmp_path: Path) -> None:
    arguments = ["model", "shadow-report", str(tmp_path / "line.db")]
    with Journal(tmp_path / "line.db") as journal:
        journal.event("started", {})
        assert "no inspection by a shadow model" in CliRunner().invoke(main, arguments).stdout
        for number in range(3):
            journal.event("shadow", event(number, "accept", "accept")["detail"])
        assert "3 of 3 verdicts agree" in CliRunner().invoke(main, arguments).stdout
        done = CliRunner().invoke(main, [*arguments, "--json"])
        (agreement,) = agreements(read_events(tmp_path / "line.db", "shadow"))
    assert json.loads(done.stdout)["agreements"] == [
        json.loads(json.dumps(dataclasses.asdict(agreement)))
    ]


def test_a_picture_is_not_copied(classifier: Classifier, make_frame: Callable[..., Frame]) -> None:
    """It is handed over: a copy of 6 MB a frame would be paid for by inspection."""
    frame = make_frame(7)
    shadow = Shadow(classifier, Telemetry(), Heard())
    shadow.offer(frame.image_bgr, announced(frame, Verdict.REJECT))
    assert shadow._waiting is not None
    assert np.shares_memory(shadow._waiting.image_bgr, frame.image_bgr)
