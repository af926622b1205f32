"""The HTTP endpoints of a running line, and their protection against clients."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any

import pytest

from partsight.errors import ConfigError
from partsight.telemetry.progress import Heartbeat
from partsight.telemetry.readiness import not_ready
from partsight.telemetry.telemetry import Telemetry
from partsight.web.answers import Answer, Request, Route, json_answer
from partsight.web.routes import line_routes
from partsight.web.server import http_server
from partsight.web.token import with_token

PATIENCE_S = 30.0


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def facts() -> dict[str, str]:
    return {"sha256": "ab" * 32, "version": "7"}


@pytest.fixture(autouse=True)
def _ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partsight.web.server._POLL_S", 0.005)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(now=lambda: 1_700_000_000.0)


@pytest.fixture
def heartbeat(clock: Clock) -> Heartbeat:
    return Heartbeat(clock=clock)


@pytest.fixture
def port(telemetry: Telemetry, heartbeat: Heartbeat) -> Iterator[int]:
    routes = line_routes(telemetry, heartbeat, facts, stalled_after_s=10)
    with http_server(routes, section="health") as port:
        yield port


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def asked(port: int, path: str) -> tuple[int, dict[str, Any]]:
    status, body = ask(port, path)
    return status, json.loads(body)


@pytest.mark.parametrize(
    ("age_s", "status"), [(0, 200), (10, 200), (10.5, 503), (3600, 503)], ids=str
)
def test_a_stalled_loop_is_not_healthy(
    age_s: float, status: int, port: int, clock: Clock, heartbeat: Heartbeat
) -> None:
    clock.now_s += 1000
    heartbeat.beat()
    clock.now_s += age_s
    received, said = asked(port, "/healthz")
    assert received == status
    assert said == {"healthy": status == 200, "loop_age_s": age_s, "allowed_s": 10}


READY = {"model": "running", "source": "running", "journal": "writing"}
# A state of each part in which the line is not ready, besides those that it may be in.
NOT_READY = {
    "model": ["refused"],
    "source": ["starting", "stale", "disconnected", "dark", "bright", "blurred", "frozen"],
    "journal": ["unwritable", "damaged"],
    "trigger": ["starting", "learning", "disconnected", "refused", "faulty"],
}
NEVER_MINDED = {
    "pictures": "disk full",
    "shadow": "failed",
    "model candidate": "refused",
    "configuration": "needs restart",
    "alarm luma": "raised",
    "part ids": "missing",
}


@pytest.mark.parametrize(
    ("states", "reasons"),
    [
        (READY, {}),
        ({**READY, "sink mqtt": "unreachable"}, {}),
        ({**READY, "sink csv": "idle", "trigger": "listening"}, {}),
        ({**READY, **NEVER_MINDED}, {}),
        ({**READY, "model": "fallback", "journal": "none"}, {}),
        *(
            ({**READY, part: name}, {part: f"{name}: why"})
            for part, names in NOT_READY.items()
            for name in names
        ),
        (
            {"model": "swapping"},
            dict.fromkeys(("source", "journal"), "has not reported a state yet"),
        ),
    ],
)
def test_readiness_comes_with_its_reasons(
    states: dict[str, str], reasons: dict[str, str], port: int, telemetry: Telemetry
) -> None:
    for part, name in states.items():
        telemetry.state(part, name, "why")
    status, said = asked(port, "/readyz")
    assert status == (503 if reasons else 200)
    assert said == {"ready": not reasons, "reasons": reasons}


@pytest.mark.parametrize(
    ("history", "limit_s", "reason"),
    [
        ([("unreachable", 300)], 300, None),
        ([("unreachable", 301)], 300, "for 301 s unreachable: why"),
        ([("unreachable", 200), ("faulty", 200)], 300, "for 400 s faulty: why"),
        ([("unreachable", 200), ("delivering", 1), ("unreachable", 200)], 300, None),
        ([("closed", 301)], 300, "for 301 s closed: why"),
        ([("idle", 10**6)], 300, None),
        ([("delivering", 10**6)], 300, None),
        ([("unreachable", 1)], 0, "for 1 s unreachable: why"),
        ([("unreachable", 10**6)], math.inf, None),
        ([("unreachable", 301), ("delivering", 0)], 300, None),
    ],
)
def test_a_sink_may_be_in_trouble_for_the_configured_time(
    history: list[tuple[str, float]], limit_s: float, reason: str | None, clock: Clock
) -> None:
    telemetry = Telemetry(clock=clock)
    for part, state in READY.items():
        telemetry.state(part, state)
    for name, seconds in history:
        telemetry.state("sink mes", name, "why")
        clock.now_s += seconds
    found = not_ready(telemetry, sink_unreachable_after_s=limit_s)
    assert found == ({} if reason is None else {"sink mes": reason})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz?verbose=1", 200),
        ("GET", "/", 404),
        ("GET", "/healthz/", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/healthz", 405),
        ("DELETE", "/metrics", 405),
        ("OPTIONS", "/readyz", 405),
        ("BREW", "/healthz", 501),
    ],
)
def test_other_requests_are_refused_with_a_reason(
    method: str, path: str, status: int, port: int
) -> None:
    received, body = ask(port, path, method)
    assert received == status
    assert ("error" in json.loads(body)) == (status != 200)


def test_head_gives_the_same_status_without_a_body(port: int) -> None:
    assert ask(port, "/healthz", "HEAD") == (200, b"")


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"\r\n\r\n", b""),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 65_600 + b" HTTP/1.0\r\n\r\n", b"414"),
        (b"GET /healthz HTTP/1.0\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
        (b"\xff\xfe\x00", b""),
    ],
)
def test_malformed_requests_are_refused(sent: bytes, received: bytes, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert received in client.makefile("rb").readline()
    assert asked(port, "/healthz")[0] == 200


def until_closed(client: socket.socket) -> bytes:
    client.settimeout(PATIENCE_S)
    try:
        return client.makefile("rb").read()
    except ConnectionResetError:
        return b""


def trickle(client: socket.socket) -> None:
    """A byte now and then, so that no single read waits for long."""
    try:
        while True:
            client.sendall(b"A")
            time.sleep(0.01)
    except OSError:
        return


@pytest.mark.parametrize("speaks", [False, True])
def test_slow_clients_are_disconnected(speaks: bool) -> None:
    with http_server({}, section="health", deadline_s=0.05) as port:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
            speaker = threading.Thread(target=trickle, args=(client,))
            if speaks:
                speaker.start()
            assert until_closed(client) == b""
        if speaks:
            speaker.join(PATIENCE_S)


def test_more_clients_than_threads_get_503() -> None:
    gate, inside = threading.Event(), threading.Semaphore(0)

    def wait(request: Request) -> Answer:
        inside.release()
        gate.wait(PATIENCE_S)
        return json_answer(HTTPStatus.OK, {})

    with http_server({"/wait": Route(wait)}, section="health", deadline_s=PATIENCE_S) as port:
        before = threading.active_count()
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        for client in clients:
            client.sendall(b"GET /wait HTTP/1.0\r\n\r\n")
        for _ in clients:
            assert inside.acquire(timeout=PATIENCE_S)
        with socket.create_connection(("127.0.0.1", port)) as ninth:
            assert until_closed(ninth).startswith(b"HTTP/1.0 503")
        assert threading.active_count() <= before + 8
        gate.set()
        assert all(until_closed(client).startswith(b"HTTP/1.0 200") for client in clients)
        for client in clients:
            client.close()
        deadline = time.monotonic() + PATIENCE_S
        while ask(port, "/none")[0] != 404:  # room again
            assert time.monotonic() < deadline


def test_silent_clients_replace_each_other_but_not_one_that_sent_its_head() -> None:
    gate, inside = threading.Event(), threading.Semaphore(0)

    def wait(request: Request) -> Answer:
        inside.release()
        gate.wait(PATIENCE_S)
        return json_answer(HTTPStatus.OK, {})

    routes = {"/wait": Route(wait)}
    with (
        http_server(routes, section="health", max_clients=2, deadline_s=PATIENCE_S) as port,
        contextlib.ExitStack() as held,
    ):
        first = held.enter_context(socket.create_connection(("127.0.0.1", port)))
        first.sendall(b"GET /wait HTTP/1.0\r\n\r\n")
        assert inside.acquire(timeout=PATIENCE_S)
        silent = [
            held.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(5)
        ]
        assert [until_closed(each) for each in silent[:4]] == [b""] * 4
        gate.set()
        assert until_closed(first).startswith(b"HTTP/1.0 200")


def test_a_slow_body_ends_at_the_total_deadline() -> None:
    received: list[bytes] = []

    def read(request: Request) -> Answer:
        received.append(request.body(1000))
        return json_answer(HTTPStatus.OK, {})

    with (
        http_server({"/read": Route(read, ("POST",))}, section="trigger", deadline_s=0.1) as port,
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client,
    ):
        client.sendall(b"POST /read HTTP/1.0\r\nContent-Length: 1000\r\n\r\n")
        speaker = threading.Thread(target=trickle, args=(client,))
        speaker.start()
        assert b"200" not in until_closed(client)
        speaker.join(PATIENCE_S)
    assert received == []


def test_closing_frees_the_port_and_ends_the_threads() -> None:
    before = set(threading.enumerate())
    with http_server({}, section="health") as port:
        idle = socket.create_connection(("127.0.0.1", port))
        assert ask(port, "/none")[0] == 404
    assert set(threading.enumerate()) == before
    assert until_closed(idle) == b""
    idle.close()
    with http_server({}, section="health", port=port):
        assert ask(port, "/none")[0] == 404


@pytest.mark.parametrize(
    ("host", "wanted", "message"),
    [
        ("127.0.0.1", None, "in use"),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1"),
        ("no such host", 0, "cannot listen on no such host"),
        ("127.0.0.1", 99999, "port 99999"),
        ("x" * 70, 0, "cannot listen on x"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_an_error(
    host: str, wanted: int | None, message: str, port: int
) -> None:
    with (
        pytest.raises(ConfigError, match=message),
        http_server({}, section="health", host=host, port=port if wanted is None else wanted),
    ):
        pass


@pytest.mark.parametrize(
    ("error", "level"), [(ValueError("ours"), "WARNING"), (BrokenPipeError("theirs"), "DEBUG")]
)
def test_errors_of_a_route_are_logged(
    error: Exception, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: Request) -> Answer:
        raise error

    caplog.set_level("DEBUG", "partsight")
    with (
        http_server({"/fails": Route(fail)}, section="health") as port,
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.sendall(b"GET /fails HTTP/1.0\r\n\r\n")
        assert until_closed(client) == b""
    levels = [record.levelname for record in caplog.records if "no answer" in record.message]
    assert levels == [level]


def test_without_prometheus_only_the_metrics_are_missing(
    telemetry: Telemetry, heartbeat: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "partsight.telemetry.metrics", raising=False)
    with http_server(line_routes(telemetry, heartbeat, facts), section="health") as port:
        status, said = asked(port, "/metrics")
        assert status == 501
        assert "pip install 'partsight[metrics]'" in said["error"]
        assert asked(port, "/healthz")[0] == 200


def test_a_heartbeat_is_passed_to_followers(clock: Clock) -> None:
    seen: list[str] = []
    followers: list[Callable[[], None]] = [lambda: seen.append("a"), lambda: seen.append("b")]
    heartbeat = Heartbeat(followers, clock)
    assert seen == []
    heartbeat.beat()
    assert seen == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("learning", "learning 69 of 500 parts"),
        ("without reference", "the first parts cannot be the reference"),
        ("watching", "against the model's reference of 200 good parts"),
        ("off", "drift.enabled is false"),
    ],
)
def test_readiness_shows_whether_drift_is_watched(
    name: str, detail: str, port: int, telemetry: Telemetry
) -> None:
    telemetry.state("drift", name, detail)
    assert asked(port, "/readyz")[1]["drift"] == {"state": name, "detail": detail}


def test_an_address_with_many_silent_clients_replaces_only_its_own() -> None:
    routes = {"/": Route(lambda request: json_answer(HTTPStatus.OK, {}))}
    with (
        http_server(
            routes, section="trigger", host="0.0.0.0", max_clients=3, deadline_s=PATIENCE_S
        ) as port,
        contextlib.ExitStack() as held,
    ):

        def connected(source: str) -> socket.socket:
            client = socket.create_connection(("127.0.0.1", port), PATIENCE_S, (source, 0))
            return held.enter_context(client)

        first = connected("127.0.0.2")
        silent = [connected("127.0.0.3") for _ in range(20)]
        assert [until_closed(each) for each in silent[:18]] == [b""] * 18
        first.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert until_closed(first).startswith(b"HTTP/1.0 200")


def test_a_request_to_the_name_of_another_site_is_refused(port: int) -> None:
    status, body = ask(port, "/healthz", Host="evil.example")
    assert status == 421
    assert b"expected an IP address" in body


def test_a_route_with_a_token_answers_only_requests_with_it() -> None:
    route = Route(lambda request: json_answer(HTTPStatus.OK, {}))
    routes = {"/healthz": route, "/metrics": with_token(route, "t0ken")}
    with http_server(routes, section="health") as port:
        assert ask(port, "/healthz")[0] == 200
        assert ask(port, "/metrics")[0] == 401
        assert ask(port, "/metrics", Authorization="Bearer other")[0] == 401
        assert ask(port, "/metrics", Authorization="Bearer t0ken")[0] == 200
