"""Rows that a receiver can never take hold up no others, and are not lost without a trace."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.servers.process import until
from tests.servers.web import WebServer, answer, run_web_server

from partsight.config.network_sinks import WebhookSinkConfig
from partsight.errors import OutputError, SinkUnavailable
from partsight.journal import Journal
from partsight.journal.read import read_events
from partsight.journal.tail import Tail
from partsight.sinks.cursor import Cursor
from partsight.sinks.delivery import Delivery
from partsight.sinks.journal_reader import cursor_path
from partsight.sinks.webhook import WebhookSink
from partsight.telemetry.telemetry import Telemetry

WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc).isoformat()


class Bench:
    """A journal, a web server that refuses some ids, and the delivery between them."""

    def __init__(self, folder: Path, web: WebServer) -> None:
        self.journal, self.telemetry = Journal(folder / "journal.db"), Telemetry()
        # The disk is not tested here.
        self.journal._store.run(lambda connection: connection.execute("PRAGMA synchronous=OFF"))
        self.web, self.bad, self.status = web, set[str](), 422
        self.taken: set[str] = set()
        web.respond = self._respond
        self._now_s = itertools.count(100.0, 1000.0)  # each retry is due

    def append(self, *ids: str) -> None:
        for id in ids:
            self.journal.append({"id": id, "captured_at": WHEN, "verdict": "accept", "reason": ""})

    def delivery(self, record: Callable | None = None) -> Delivery:
        config = WebhookSinkConfig(kind="webhook", url=self.web.url, secret_env="HOOK_SECRET")
        return Delivery(
            "web",
            lambda: WebhookSink(config),
            Tail(self.journal.path),
            Cursor(cursor_path(self.journal.path, "web")),
            self.telemetry,
            record or self.journal.event,
            start="beginning",
            clock=lambda: next(self._now_s),
            jitter=lambda: 0.0,
        )

    def dead(self) -> list[tuple[int, str]]:
        events = read_events(self.journal.path, "dead_letter")
        return [(event["detail"]["seq"], event["detail"]["id"]) for event in events]

    def _respond(self, request: BaseHTTPRequestHandler) -> None:
        # Header and body are written separately: the body must not wait for an acknowledgement.
        request.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ids = {row["id"] for row in json.loads(self.web.posts[-1].body)["verdicts"]}
        if self.bad & ids:
            answer(self.status, b"bad\x1b[2J" + b"x" * 1000)(request)
            return
        self.taken |= ids
        answer(200)(request)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    with run_web_server() as web:
        bench = Bench(tmp_path, web)
        with bench.journal:
            yield bench


def run_to(delivery: Delivery, seq: int) -> None:
    until(lambda: delivery.step() is False and delivery.reader.position == seq, f"up to {seq}")


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize(
    "bad",
    [[1], [2], [37], [99, 100, 101], [1, 50, 119], list(range(3, 12))],
    ids=["first", "second", "middle", "across batches", "three", "nine in a row"],
)
def test_a_row_that_is_refused_alone_is_set_aside(
    bench: Bench, bad: list[int], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [f"id-{number}" for number in range(1, 121)]
    bench.bad, bench.status = {f"id-{number}" for number in bad}, status
    bench.append(*ids)
    delivery = bench.delivery()
    run_to(delivery, 120)

    assert bench.taken == set(ids) - bench.bad
    assert bench.dead() == [(number, f"id-{number}") for number in bad]
    assert bench.telemetry.values()["dead_letters", "web"] == len(bad)
    assert bench.telemetry.values()["delivered", "web"] == 120 - len(bad)
    assert f"{len(bad)} set aside" in bench.telemetry.states()["sink web"].detail
    for number in bad:
        assert f"set aside verdict {number} (id id-{number})" in caplog.text
    assert "\x1b" not in caplog.text
    assert max(map(len, caplog.messages)) < 500


@pytest.mark.parametrize("steps", [150, 200, 207, 211], ids="after {} steps".format)
def test_a_receiver_that_refuses_everything_loses_nothing(bench: Bench, steps: int) -> None:
    """Also if it is repaired while the rows are tried one by one."""
    ids = {f"id-{number}" for number in range(1, 121)}
    bench.bad = ids
    bench.append(*sorted(ids))
    delivery = bench.delivery()
    for _ in range(steps):
        delivery.step()
    assert bench.telemetry.states()["sink web"].name == "unreachable"
    assert (bench.dead(), delivery.reader.position) == ([], 0)
    bench.bad = set()
    run_to(delivery, 120)
    assert (bench.taken, bench.dead()) == (ids, [])


def test_the_last_row_waits_for_another_one(bench: Bench) -> None:
    bench.bad = {"b"}
    bench.append("a")
    delivery = bench.delivery()
    run_to(delivery, 1)
    bench.append("b")
    for _ in range(5):
        delivery.step()
    assert (bench.dead(), delivery.reader.position) == ([], 1)
    assert "id b" in bench.telemetry.states()["sink web"].detail
    bench.append("c")
    run_to(delivery, 3)
    assert (bench.taken, bench.dead()) == ({"a", "c"}, [(2, "b")])
    assert "1 set aside, the last one verdict 2" in bench.telemetry.states()["sink web"].detail


def test_a_row_that_cannot_be_noted_is_not_set_aside(bench: Bench) -> None:
    def full(kind: str, detail: object) -> None:
        raise OutputError("no space left on device")

    bench.bad = {"a"}
    bench.append("a", "b")
    delivery = bench.delivery(full)
    for _ in range(10):
        delivery.step()
    assert (delivery.reader.position, bench.dead()) == (0, [])
    delivery.close()
    run_to(bench.delivery(), 2)
    assert bench.dead() == [(1, "a")]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500])
def test_other_answers_set_nothing_aside(bench: Bench, status: int) -> None:
    bench.bad, bench.status = {"b"}, status
    bench.append("a", "b", "c")
    delivery = bench.delivery()
    for _ in range(10):
        delivery.step()
    assert (bench.dead(), bench.taken, delivery.reader.position) == ([], set(), 0)


def test_a_huge_hostile_header_is_shortened_and_escaped(bench: Bench) -> None:
    location = "http://other/" + "\x1b[2J\x07" * 12_000
    bench.web.respond = answer(302, Location=location)
    config = WebhookSinkConfig(kind="webhook", url=bench.web.url, secret_env="HOOK_SECRET")
    with WebhookSink(config) as sink, pytest.raises(SinkUnavailable) as caught:
        sink.deliver([{"seq": 1, "id": "a"}])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_the_detail_of_a_state_is_shortened_and_escaped() -> None:
    telemetry = Telemetry()
    telemetry.state("sink web", "faulty", "\x1b[2J" + "x" * 60_000)
    detail = telemetry.states()["sink web"].detail
    assert detail.isprintable()
    assert len(detail) == 1000
