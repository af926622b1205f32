"""Triggers by real requests to the server on this device."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.process import free_port

from partsight.config.trigger import HttpTriggerConfig
from partsight.errors import ConfigError
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers import trigger_queue as queue_module
from partsight.triggers.http import http_listener
from partsight.triggers.trigger_queue import TriggerQueue

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def trigger_queue() -> TriggerQueue:
    return TriggerQueue("http", 8)


@pytest.fixture(autouse=True)
def _ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partsight.web.server._POLL_S", 0.005)


@contextlib.contextmanager
def listening(trigger_queue: TriggerQueue, **changes: Any) -> Iterator[Ask]:
    config = HttpTriggerConfig(kind="http", port=free_port(), **changes)

    def ask(
        path: str = "/trigger",
        body: bytes | None = None,
        method: str = "POST",
        **headers: str,
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", config.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        return answer.status, content and json.loads(content)

    with http_listener(config, trigger_queue, Telemetry()):
        ask.port = config.port  # type: ignore[attr-defined]
        yield ask


def parts(trigger_queue: TriggerQueue) -> list[str | None]:
    taken = []
    while (each := trigger_queue.take(0.0)) is not None:
        taken.append(each.trigger_event.part_id)
    return taken


@pytest.mark.parametrize(
    ("path", "body", "part_id"),
    [
        ("/trigger", None, None),
        ("/trigger", b"", None),
        ("/trigger", b"A-17\n", "A-17"),
        ("/trigger", b'{"part_id": "A-17"}', "A-17"),
        ("/trigger", b'"SN-1"', "SN-1"),
        ("/trigger", b'{"serialNumber": "SN-1"}', "SN-1"),
        ("/trigger", b'{"station": 4}', None),
        ("/trigger?part_id=%22A%22", b"", '"A"'),
        ("/trigger?part_id=A%2017", b"", "A 17"),
        ("/trigger?part_id=A&other=1", b"B", "A"),
        ("/trigger?part_id=", b"B", "B"),
    ],
)
def test_a_request_is_a_trigger_event(
    path: str, body: bytes | None, part_id: str | None, trigger_queue: TriggerQueue
) -> None:
    with listening(trigger_queue) as ask:
        assert ask(path, body) == (202, {"occasion": 1})
        assert ask(path, body) == (202, {"occasion": 2})

    assert parts(trigger_queue) == [part_id] * 2


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/", b"", {}, 404),
        ("/trigger/more", b"", {}, 404),
        ("/trigger", b"\xff", {}, 400),
        ("/trigger?part_id=%00", b"", {}, 400),
        ("/trigger", b"", {"Content-Length": "-1"}, 400),
        ("/trigger", b"", {"Content-Length": "1e3"}, 400),
        ("/trigger", b"A" * 4097, {}, 413),
        ("/trigger", b"", {"Content-Length": "9" * 5000}, 413),
        ("/trigger", b"", {"Transfer-Encoding": "chunked"}, 411),
        ("/trigger", b"", {"Origin": "https://page.example"}, 403),
    ],
)
def test_invalid_requests_are_refused(
    path: str, body: bytes, headers: dict[str, str], status: int, trigger_queue: TriggerQueue
) -> None:
    with listening(trigger_queue) as ask:
        refused, content = ask(path, body, **headers)

    assert refused == status
    assert content["error"]
    assert parts(trigger_queue) == []


def test_a_get_is_refused(trigger_queue: TriggerQueue) -> None:
    with listening(trigger_queue) as ask:
        assert ask(method="GET") == (405, {"error": "expected POST"})
    assert parts(trigger_queue) == []


def test_a_configured_token_is_required(
    trigger_queue: TriggerQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    with listening(trigger_queue, token_file=tmp_path / "token", host="0.0.0.0") as ask:
        for given in ({}, {"Authorization": "Bearer other"}, {"Authorization": "t0ken"}):
            assert ask(**given)[0] == 401
        known = {"Authorization": "Bearer t0ken"}
        assert ask(body=b"A", **known)[0] == 202
        assert ask(body=b"B", Origin="https://page.example", **known)[0] == 202
    assert parts(trigger_queue) == ["A", "B"]


def test_an_incomplete_body_is_no_trigger(trigger_queue: TriggerQueue) -> None:
    with listening(trigger_queue) as ask:
        with socket.create_connection(("127.0.0.1", ask.port)) as half:
            half.sendall(b"POST /trigger HTTP/1.1\r\nContent-Length: 10\r\n\r\nA-1")
            half.shutdown(socket.SHUT_WR)
            assert b" 400 " in half.makefile("rb").readline()
        assert ask(body=b"B")[0] == 202
    assert parts(trigger_queue) == ["B"]


def test_clients_that_send_nothing_do_not_keep_others_out(trigger_queue: TriggerQueue) -> None:
    with listening(trigger_queue) as ask, contextlib.ExitStack() as held:
        for _ in range(40):
            held.enter_context(socket.create_connection(("127.0.0.1", ask.port)))
        assert ask()[0] == 202


def test_a_full_queue_answers_503(
    trigger_queue: TriggerQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "_LIMIT", 2)
    with listening(trigger_queue) as ask:
        assert [ask()[0] for _ in range(3)] == [202, 202, 503]


def test_a_taken_port_is_named(trigger_queue: TriggerQueue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = HttpTriggerConfig(kind="http", port=taken.getsockname()[1])
        named = pytest.raises(
            ConfigError, match=r"cannot listen on 127\.0\.0\.1, port \d+: .*in use.*\[trigger\]"
        )
        with named, http_listener(config, trigger_queue, Telemetry()):
            pass


def test_40_connections_after_it_do_not_crowd_out_a_client_with_a_token(tmp_path: Path) -> None:
    """16 slow clients that reconnect when replaced open 40 connections in milliseconds."""
    (tmp_path / "token").write_text("t0ken-of-the-line")
    with (
        listening(TriggerQueue("http", 8), token_file=tmp_path / "token") as ask,
        contextlib.ExitStack() as held,
    ):
        address = ("127.0.0.1", ask.port)  # type: ignore[attr-defined]
        client = held.enter_context(socket.create_connection(address, 30))
        for _ in range(40):
            held.enter_context(socket.create_connection(address, 30)).sendall(b"POST /tri")
        client.sendall(
            b"POST /trigger?part_id=7 HTTP/1.0\r\nAuthorization: Bearer t0ken-of-the-line\r\n\r\n"
        )
        assert client.makefile("rb").read().startswith(b"HTTP/1.0 202")
