"""Counters, gauges, times and states, and the announcement of changes."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from partsight.telemetry.announcements import BURST
from partsight.telemetry.telemetry import BUCKETS_S, CALM, METRICS, Change, Telemetry


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(now=lambda: 1000.0)


@pytest.mark.parametrize(
    ("method", "arguments", "known"),
    [
        ("count", ("frames",), True),
        ("count", ("frame",), False),
        ("count", ("queue",), False),
        ("set", ("queue", 3.0, "mqtt"), True),
        ("set", ("frames", 3.0), False),
        ("time", ("latency", 0.1, "invoke"), True),
        ("time", ("frames", 0.1), False),
    ],
)
def test_only_defined_metrics_are_accepted(method, arguments, known, telemetry) -> None:
    if known:
        getattr(telemetry, method)(*arguments)
        return
    with pytest.raises(ValueError, match="is no .* of METRICS"):
        getattr(telemetry, method)(*arguments)


def test_every_metric_is_described() -> None:
    assert all(metric.help.endswith(".") for metric in METRICS.values())


def test_a_change_of_state_is_announced_once(telemetry, caplog) -> None:
    reported = []
    telemetry.on_change(lambda part, state: reported.append((part, state.name, state.detail)))
    with caplog.at_level(logging.INFO, "partsight"):
        telemetry.state("source", "running")
        telemetry.state("source", "dark", "mean 3 below 10")
        telemetry.state("source", "dark", "mean 4 below 10")
        telemetry.state("source", "running")
    assert reported == [
        ("source", "running", ""),
        ("source", "dark", "mean 3 below 10"),
        ("source", "running", ""),
    ]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "source is running"),
        ("WARNING", "source is dark: mean 3 below 10"),
        ("WARNING", "source is running"),
    ]
    assert telemetry.states()["source"].since == 1000.0


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0, 0), (0.001, 0), (0.0011, 1), (2.0, 10), (9.0, 11)]
)
def test_a_time_falls_into_its_bucket(seconds, bucket, telemetry) -> None:
    """As in Prometheus: a bucket counts the values up to its bound."""
    telemetry.time("latency", seconds, "invoke")
    histogram = telemetry.histograms()["latency", "invoke"]
    assert [i for i, count in enumerate(histogram.counts) if count] == [bucket]
    assert len(histogram.counts) == len(BUCKETS_S) + 1
    assert histogram.sum_s == seconds


def test_the_status_is_plain_json(telemetry) -> None:
    telemetry.count("frames", by=3)
    telemetry.count("verdicts", "accept")
    telemetry.count("verdicts", "reject", by=2)
    telemetry.state("source", "running")
    assert json.loads(json.dumps(telemetry.status())) == {
        "states": {"source": {"state": "running", "since": 1000.0, "detail": ""}},
        "frames": 3,
        "verdicts": {"accept": 1, "reject": 2},
    }


def test_threads_lose_no_count(telemetry) -> None:
    def work() -> None:
        for _ in range(2000):
            telemetry.count("frames")
            telemetry.time("latency", 0.01, "invoke")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert telemetry.values()["frames", ""] == 8000
    assert sum(telemetry.histograms()["latency", "invoke"].counts) == 8000


class Told:
    """Telemetry with a clock set by hand, and the announced changes."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.telemetry = Telemetry(now=lambda: 1000.0 + self.now_s, clock=lambda: self.now_s)
        self.changes: list[Change] = []
        self.exact: list[str] = []
        self.telemetry.on_announced(self.changes.append)
        self.telemetry.on_change(lambda part, state: self.exact.append(state.name))

    def go(self, part: str, name: str, seconds: float = 1.0) -> None:
        self.telemetry.state(part, name, "why")
        self.now_s += seconds
        self.telemetry.announce_due()

    def names(self) -> list[tuple[str, int]]:
        return [(change.state.name, change.suppressed) for change in self.changes]


@pytest.fixture
def reported() -> Told:
    return Told()


@pytest.mark.parametrize(
    ("part", "good", "bad"),
    [
        ("sink plc", "delivering", "unreachable"),
        ("source", "running", "dark"),
        ("trigger", "listening", "disconnected"),
        ("pictures", "keeping", "disk full"),
        ("journal", "writing", "unwritable"),
        ("model candidate", "taken", "refused"),
        ("source", "starting", "disconnected"),
        ("shadow", "running", "failed"),
    ],
)
def test_a_flapping_component_is_announced_about_once_a_minute(
    reported: Told, part: str, good: str, bad: str
) -> None:
    for second in range(86_400):
        reported.go(part, bad if second % 2 else good)
    assert len(reported.exact) == 86_400
    assert len(reported.changes) <= 2 + BURST + 24 * 60
    reported.telemetry.announce_rest()
    assert sum(change.suppressed + 1 for change in reported.changes) == 86_400


def test_an_outage_is_announced_at_once_with_its_steps(reported: Told) -> None:
    for name in ("running", "stale", "disconnected", "running"):
        reported.go("source", name)
    assert reported.names() == [(n, 0) for n in ("running", "stale", "disconnected", "running")]
    assert not any(change.delayed for change in reported.changes)


def test_starting_does_not_count_as_an_announcement(reported: Told) -> None:
    for name in ("starting", "running", "stale", "disconnected", "running", "dark"):
        reported.go("source", name)
    assert [name for name, _ in reported.names()] == [
        *("starting", "running", "stale", "disconnected", "running"),
    ]


def test_outages_minutes_apart_are_each_announced_at_once(reported: Told) -> None:
    for _ in range(10):
        reported.go("trigger", "listening", 600)
        reported.go("trigger", "disconnected", 10)
    assert [suppressed for _, suppressed in reported.names()] == [0] * 20
    assert not any(change.delayed for change in reported.changes)


def test_the_final_state_of_a_component_is_announced_after_a_minute(reported: Told) -> None:
    for name in ("listening", "disconnected") * 3:
        reported.go("trigger", name, 0.1)
    assert len(reported.changes) == 4
    reported.go("source", "running", 60)  # another part, at any time
    last = reported.changes[-1]
    assert (last.component, last.state.name, last.suppressed, last.delayed) == (
        *("trigger", "disconnected", 1, True),
    )
    assert last.state.since == pytest.approx(1000.5)
    reported.go("source", "running", 600)
    assert len(reported.changes) == 6


def test_an_outage_of_a_sink_is_two_changes_at_most_one_a_minute(
    reported: Told,
) -> None:
    reported.go("sink plc", "delivering", 600)
    for _ in range(10):
        reported.go("sink plc", "unreachable", 10)
        reported.go("sink plc", "delivering", 0)
        for _ in range(600):
            reported.now_s += 1
            reported.telemetry.announce_due()
    assert reported.names() == [("delivering", 0)] + [("unreachable", 0), ("delivering", 0)] * 10


def test_components_have_separate_announcements(reported: Told) -> None:
    for second in range(60):
        reported.go("source", "dark" if second % 2 else "running")
    reported.go("sink plc", "unreachable", 0)
    reported.go("sink plc", "delivering", 0)
    assert [c.state.name for c in reported.changes if c.component == "sink plc"] == [
        *("unreachable", "delivering"),
    ]


def test_suppressed_changes_between_calm_states_are_a_warning(reported: Told, caplog) -> None:
    with caplog.at_level(logging.INFO, "partsight"):
        for second in range(20):
            reported.go("trigger", "learning" if second % 2 else "listening")
        reported.telemetry.announce_rest()
    assert caplog.records[-1].levelname == "WARNING"
    assert caplog.records[-1].getMessage() == (
        "trigger is learning (15 more changes not logged): why"
    )


def test_the_log_says_that_an_unreachable_sink_is_retried(reported: Told, caplog) -> None:
    reported.go("sink modbus", "unreachable")
    assert caplog.messages == ["sink modbus is unreachable, retrying: why"]


@pytest.mark.parametrize(
    ("states", "trouble_s"),
    [
        ([("delivering", 5)], 0),
        ([("unreachable", 5)], 5),
        ([("unreachable", 5), ("faulty", 7), ("unreachable", 1)], 13),
        ([("unreachable", 5), ("delivering", 7)], 0),
        ([("unreachable", 5), ("delivering", 7), ("unreachable", 2)], 2),
        ([("idle", 5)], 0),
    ],
)
def test_how_long_a_part_is_in_trouble(reported: Told, states: list, trouble_s: float) -> None:
    for name, seconds in states:
        reported.go("sink plc", name, seconds)
    assert reported.telemetry.trouble_s("sink plc") == trouble_s
    assert reported.telemetry.trouble_s("unknown") == 0
    assert (states[-1][0] in CALM) == (trouble_s == 0)
