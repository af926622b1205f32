"""Verdicts are durable before they are announced."""

from __future__ import annotations

from typing import Any

import pytest

from partsight.errors import OutputError
from partsight.line.inspector import Inspector
from partsight.line.recorder import Recorder
from partsight.records import TriggerEvent
from partsight.results import MemorySink
from partsight.telemetry.telemetry import Telemetry

OCCASION = TriggerEvent("frame", 0.0)


class FakeJournal:
    """Notes what happened in which order; fails while ``broken``."""

    def __init__(self, log: list[str]) -> None:
        self.log, self.broken = log, False

    def append(self, row: Any) -> int:
        if self.broken:
            raise OutputError("cannot write the journal: No space left on device")
        self.log.append("journal")
        return 1


class LoggingSink(MemorySink):
    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    def write(self, row: Any) -> None:
        super().write(row)
        self.log.append("sink")


@pytest.fixture
def log() -> list[str]:
    return []


def test_durable_then_announced_then_observed(log, classifier, make_frame) -> None:
    sink = LoggingSink(log)
    recorder = Recorder(
        Telemetry(),
        journal=FakeJournal(log),
        sinks=[sink],
        observers=[lambda inspection: log.append(f"observer {inspection.result.verdict}")],
    )
    recorder(Inspector(classifier)(OCCASION, make_frame(250)))
    assert log == ["journal", "sink", "observer accept"]
    assert sink.rows[0]["verdict"] == "accept"


def test_a_verdict_that_is_not_durable_is_not_announced(log, classifier, make_frame) -> None:
    telemetry, journal, sink = Telemetry(), FakeJournal(log), LoggingSink(log)
    recorder = Recorder(telemetry, journal=journal, sinks=[sink], observers=[log.append])
    inspector = Inspector(classifier)
    journal.broken = True
    recorder(inspector(OCCASION, make_frame(250)))
    recorder(inspector(OCCASION, make_frame(250)))
    assert (log, sink.rows) == ([], [])
    assert telemetry.values() == {("unrecorded", ""): 2}

    journal.broken = False
    recorder(inspector(OCCASION, make_frame(10)))
    assert [row["verdict"] for row in sink.rows] == ["reject"]


def test_inspections_are_counted(classifier, make_frame) -> None:
    telemetry = Telemetry()
    recorder, inspector = Recorder(telemetry), Inspector(classifier)
    for red in (250, 250, 10):
        recorder(inspector(OCCASION, make_frame(red)))
    assert telemetry.values() == {("verdicts", "accept"): 2, ("verdicts", "reject"): 1}
    stages = {label: sum(each.counts) for (_, label), each in telemetry.histograms().items()}
    assert stages == {"preprocess": 3, "invoke": 3, "decide": 3, "verdict": 3}
