"""The inspection loop: a verdict for every frame, and the safe one where none can be had."""

from __future__ import annotations

import itertools
import uuid
from datetime import datetime, timezone

import numpy as np
import pytest

from partsight.errors import SourceError
from partsight.line import FAIL_SAFE, watch
from partsight.records import Fault, Frame
from partsight.sinks import MemorySink
from partsight.sources import ScriptedSource

WHEN = datetime(2024, 5, 6, 7, 8, 9, 123000, timezone.utc)


def test_a_verdict_a_frame_in_every_sink(classifier, make_frame) -> None:
    sinks = [MemorySink(), MemorySink()]
    script = [make_frame(red, index) for index, red in enumerate([250, 10, 150, 255])]

    with ScriptedSource(script) as source:
        counts = watch(source, classifier, sinks)

    assert sinks[0].rows == sinks[1].rows
    assert [row["verdict"] for row in sinks[0].rows] == ["accept", "reject", "review", "accept"]
    assert counts == {"accept": 2, "reject": 1, "review": 1, "error": 0}


def test_the_row_of_a_frame(classifier, make_frame) -> None:
    sink, ticks = MemorySink(), itertools.count(0.0, 0.0125)

    watch(ScriptedSource([make_frame(192, 4)]), classifier, [sink], clock=lambda: next(ticks))

    (row,) = sink.rows
    parsed = uuid.UUID(row.pop("id"))
    assert parsed.version == 7
    assert parsed.int >> 80 == int(WHEN.timestamp() * 1000)
    assert row == {
        "captured_at": "2024-05-06T07:08:09.123+00:00",
        "source": "script",
        "frame": 4,
        "label": "healthy",
        "score": 0.75,
        "scores": {"defected": 63 / 256, "healthy": 0.75},
        "tile": None,
        "verdict": "review",
        "latency_ms": 12.5,
        "model": classifier.model_sha256,
        "error": None,
    }


def test_what_cannot_be_judged_is_rejected_with_the_reason(classifier, make_frame) -> None:
    sink = MemorySink()
    script = [
        make_frame(250, 0),
        Fault("lens cap on", WHEN, "script", 1),
        Frame(np.zeros((4, 4), np.uint8), WHEN, "script", 2),
        make_frame(250, 3),
    ]

    counts = watch(ScriptedSource(script), classifier, [sink])

    assert FAIL_SAFE == "reject"
    assert [row["verdict"] for row in sink.rows] == ["accept", "reject", "reject", "accept"]
    assert [row["frame"] for row in sink.rows] == [0, 1, 2, 3]
    assert sink.rows[1]["error"] == "lens cap on"
    assert "must be uint8" in sink.rows[2]["error"]
    assert sink.rows[1]["label"] is sink.rows[1]["scores"] is None
    assert list(sink.rows[1]) == list(sink.rows[0])
    assert counts == {"accept": 2, "reject": 2, "error": 2}


def test_what_came_before_a_source_failed_is_written(classifier, make_frame) -> None:
    sink = MemorySink()
    script = [make_frame(250), make_frame(10), SourceError("unplugged"), make_frame(250)]

    with pytest.raises(SourceError, match="unplugged"):
        watch(ScriptedSource(script), classifier, [sink])

    assert [row["verdict"] for row in sink.rows] == ["accept", "reject"]


def test_max_frames_takes_no_frame_more(classifier, make_frame) -> None:
    sink, script = MemorySink(), iter([make_frame(250, index) for index in range(5)])

    watch(ScriptedSource(script), classifier, [sink], max_frames=3)

    assert [row["frame"] for row in sink.rows] == [0, 1, 2]
    assert next(script).index == 3


def test_a_row_is_written_before_the_next_frame_is_asked_for(classifier, make_frame) -> None:
    sink, rows_at_asking = MemorySink(), []

    def script():
        for index in range(3):
            rows_at_asking.append(len(sink.rows))
            yield make_frame(250, index)

    watch(ScriptedSource(script()), classifier, [sink])

    assert rows_at_asking == [0, 1, 2]
