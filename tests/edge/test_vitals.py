"""Counts, levels, times and states: what everyone writes to, and nobody waits for."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from partsight.health.vitals import BUCKETS_S, METRICS, Vitals


@pytest.fixture
def vitals() -> Vitals:
    return Vitals(now=lambda: 1000.0)


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
def test_only_what_has_a_name(method, arguments, known, vitals) -> None:
    if known:
        getattr(vitals, method)(*arguments)
        return
    with pytest.raises(ValueError, match="is no .* of METRICS"):
        getattr(vitals, method)(*arguments)


def test_every_metric_is_described() -> None:
    assert all(metric.help.endswith(".") for metric in METRICS.values())


def test_a_change_of_state_is_told_once(vitals, caplog) -> None:
    told = []
    vitals.on_change(lambda part, state: told.append((part, state.name, state.detail)))
    with caplog.at_level(logging.INFO, "partsight"):
        vitals.state("source", "running")
        vitals.state("source", "dark", "mean 3 below 10")
        vitals.state("source", "dark", "mean 4 below 10")
        vitals.state("source", "running")
    assert told == [
        ("source", "running", ""),
        ("source", "dark", "mean 3 below 10"),
        ("source", "running", ""),
    ]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "source is running"),
        ("WARNING", "source is dark: mean 3 below 10"),
        ("WARNING", "source is running"),
    ]
    assert vitals.states()["source"].since == 1000.0


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0, 0), (0.001, 0), (0.0011, 1), (2.0, 10), (9.0, 11)]
)
def test_a_time_falls_into_its_bucket(seconds, bucket, vitals) -> None:
    """As Prometheus has it: a bucket holds what is at most its bound."""
    vitals.time("latency", seconds, "invoke")
    histogram = vitals.histograms()["latency", "invoke"]
    assert [i for i, count in enumerate(histogram.counts) if count] == [bucket]
    assert len(histogram.counts) == len(BUCKETS_S) + 1
    assert histogram.sum_s == seconds


def test_the_status_is_plain_json(vitals) -> None:
    vitals.count("frames", by=3)
    vitals.count("verdicts", "accept")
    vitals.count("verdicts", "reject", by=2)
    vitals.state("source", "running")
    assert json.loads(json.dumps(vitals.status())) == {
        "states": {"source": {"state": "running", "since": 1000.0, "detail": ""}},
        "frames": 3,
        "verdicts": {"accept": 1, "reject": 2},
    }


def test_threads_lose_no_count(vitals) -> None:
    def work() -> None:
        for _ in range(2000):
            vitals.count("frames")
            vitals.time("latency", 0.01, "invoke")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vitals.values()["frames", ""] == 8000
    assert sum(vitals.histograms()["latency", "invoke"].counts) == 8000
