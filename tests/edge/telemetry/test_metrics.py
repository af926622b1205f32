"""The Prometheus metrics show the values of the telemetry."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from partsight.telemetry.metrics import exposition, line_registry
from partsight.telemetry.progress import Heartbeat
from partsight.telemetry.telemetry import METRICS, Telemetry
from partsight.web.routes import line_routes
from partsight.web.server import http_server

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def families(telemetry: Telemetry, accept: str = "") -> dict[str, Metric]:
    registry = line_registry(
        telemetry, lambda: {"sha256": "ab", "version": 'a "b"\\\n'}, lambda: 1.5
    )
    body, content_type = exposition(registry, accept)
    assert content_type.startswith(accept.partition(";")[0] or "text/plain")
    parse = openmetrics.text_string_to_metric_families if accept else text_string_to_metric_families
    return {family.name: family for family in parse(body.decode())}


def samples(telemetry: Telemetry, accept: str = "") -> dict[tuple[str, tuple[str, ...]], float]:
    """Of the line: name, and what its labels say in the order of their names, to value."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families(telemetry, accept).values()
        for sample in family.samples
        if sample.name.startswith("partsight_")
    }


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_each_metric_has_its_name_type_and_unit(accept: str) -> None:
    telemetry = Telemetry(now=lambda: 1_700_000_000.0)
    telemetry.count("frames", by=3)
    telemetry.count("verdicts", "accept")
    telemetry.set("disk_free_bytes", 5e9, "journal")
    telemetry.set("temperature_celsius", 47.5, "cpu")
    telemetry.state("source", "frozen", "the same frame 50 times")
    telemetry.state("source", "running")
    for seconds in (0.0005, 0.001, 0.0015, 7.0):
        telemetry.time("latency", seconds, "invoke")

    found = samples(telemetry, accept)

    assert found["partsight_frames_total", ()] == 3
    assert found["partsight_source_restarts_total", ()] == 0
    assert found["partsight_verdicts_total", ("accept",)] == 1
    assert found["partsight_disk_free_bytes", ("journal",)] == 5e9
    assert found["partsight_temperature_celsius", ("cpu",)] == 47.5
    assert found["partsight_latency_seconds_bucket", ("0.001", "invoke")] == 2
    assert found["partsight_latency_seconds_bucket", ("0.002", "invoke")] == 3
    assert found["partsight_latency_seconds_bucket", ("2.0", "invoke")] == 3
    assert found["partsight_latency_seconds_bucket", ("+Inf", "invoke")] == 4
    assert found["partsight_latency_seconds_count", ("invoke",)] == 4
    assert found["partsight_latency_seconds_sum", ("invoke",)] == pytest.approx(7.003)
    assert found["partsight_state", ("source", "running")] == 1
    assert ("partsight_state", ("source", "frozen")) not in found
    assert found["partsight_state_since_timestamp_seconds", ("source",)] == 1_700_000_000
    assert found["partsight_model_info", ("ab", 'a "b"\\\n')] == 1
    assert found["partsight_loop_age_seconds", ()] == 1.5


def test_every_metric_has_its_type_and_help() -> None:
    telemetry = Telemetry()
    reported = families(telemetry, OPENMETRICS)
    for name, metric in METRICS.items():
        family = reported[f"partsight_{name}{'_seconds' if metric.kind == 'histogram' else ''}"]
        assert family.type == metric.kind
        assert family.documentation == metric.help


# Surrogates cannot be sent, and the parser splits lines at a carriage return, which Prometheus
# does not; no name of ours has either.
names = st.text(st.characters(codec="utf-8", exclude_characters="\r\x85\u2028\u2029"), max_size=20)


@settings(deadline=None, max_examples=50)
@given(names, st.floats(allow_nan=False))
def test_any_label_and_number_is_exposed(name: str, value: float) -> None:
    telemetry = Telemetry()
    telemetry.set("queue", value, name)
    telemetry.state(name, name or "away")
    found = samples(telemetry)
    assert math.isclose(found["partsight_queue", (name,)], value)
    assert found["partsight_state", (name, name or "away")] == 1


@pytest.fixture
def port() -> Iterator[int]:
    telemetry = Telemetry()
    telemetry.count("frames")
    routes = line_routes(telemetry, Heartbeat(), lambda: {"sha256": "ab"})
    with http_server(routes, section="health") as port:
        yield port


@pytest.mark.parametrize(("accept", "end"), [("text/plain", ""), (OPENMETRICS, "# EOF\n")])
def test_metrics_are_served_in_the_accepted_format(accept: str, end: str, port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics", headers={"Accept": accept})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(accept.partition(";")[0])
    assert "partsight_frames_total 1.0\n" in body
    assert body.endswith(end)
    assert ("process_open_fds" in body) == hasattr(socket, "AF_UNIX")
