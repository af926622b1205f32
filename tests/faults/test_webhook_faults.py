"""The webhook with a real server that fails, hangs, answers slowly or wrongly."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.certificates import make_authority
from tests.servers.web import Respond, WebServer, answer, run_web_server

from partsight.config.network_sinks import WebhookSinkConfig
from partsight.errors import ConfigError, SinkUnavailable
from partsight.sinks.webhook import WebhookSink
from partsight.sinks.webhook_signature import SIGNATURE_HEADER, sign, verify

NOW = 1_700_000_000.0
ROWS = [{"seq": seq, "id": f"id-{seq}", "verdict": "accept"} for seq in (1, 2)]


@pytest.fixture
def web() -> Iterator[WebServer]:
    with run_web_server() as web:
        yield web


@pytest.fixture
def make_sink(monkeypatch: pytest.MonkeyPatch) -> Callable[..., WebhookSink]:
    def make(url: str, **changes: Any) -> WebhookSink:
        monkeypatch.setenv("HOOK_SECRET", "s3cret")
        config = {"secret_env": "HOOK_SECRET", "timeout_s": 5.0, **changes}
        return WebhookSink(WebhookSinkConfig(kind="webhook", url=url, **config), now=lambda: NOW)

    return make


def test_a_batch_is_one_signed_request(web: WebServer, make_sink: Callable) -> None:
    with make_sink(web.url) as sink:
        sink.deliver(ROWS)
        sink.deliver(ROWS)
        sink.report({"states": {}})

    first, again = web.posts
    assert first.path == "/verdicts"
    assert first.json() == {"verdicts": ROWS}
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"]
    signature = first.headers[SIGNATURE_HEADER]
    assert verify("s3cret", signature, first.body, NOW)
    assert not verify("s3cret", signature, first.body + b" ", NOW)
    assert web.connections == 1


def hang(request: BaseHTTPRequestHandler) -> None:
    threading.Event().wait(2)


def reset(request: BaseHTTPRequestHandler) -> None:
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True


def close(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def nonsense(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"I am no web server\r\n\r\n")
    request.close_connection = True


def cut_off(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.")
    request.close_connection = True


@pytest.mark.parametrize(
    ("respond", "reason", "retry_after_s"),
    [
        (answer(500, b"out of\nmemory"), "the server answers 500 out of memory", None),
        (answer(503, Retry_After="7"), "the server answers 503", 7.0),
        (answer(503, Retry_After="9" * 6), "the server answers 503", 600.0),
        (answer(503, Retry_After="315360000"), "the server answers 503", 600.0),
        (answer(503, Retry_After="9" * 5000), "the server answers 503", 600.0),
        (answer(503, Retry_After="-1"), "the server answers 503", None),
        (answer(503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"), "the server answers 503", None),
        (answer(429, Retry_After="2"), "the server answers 429", 2.0),
        (answer(408), "the server answers 408", None),
        (answer(401, b"who?"), "the server refuses with 401 who\\?; check url, secret", 60.0),
        (answer(404), "the server refuses with 404", 60.0),
        (answer(301, Location="https://other.example/"), "points to https://other.exam", 60.0),
        (answer(307, Location="/elsewhere"), "points to /elsewhere", 60.0),
        (hang, "no answer", None),
        (reset, "no answer", None),
        (close, "no answer", None),
        (nonsense, "no answer", None),
        (cut_off, "no answer", None),
    ],
)
def test_only_2xx_is_an_acknowledgement(
    respond: Respond,
    reason: str,
    retry_after_s: float | None,
    web: WebServer,
    make_sink: Callable,
) -> None:
    web.respond = respond
    timeout_s = 0.2 if respond is hang else 5.0
    with make_sink(web.url, timeout_s=timeout_s) as sink:
        with pytest.raises(SinkUnavailable, match=f"{web.url[:-9]}: .*{reason}") as caught:
            sink.deliver(ROWS)
        assert len(web.posts) == 1
        web.respond = answer(204)
        sink.deliver(ROWS)

    assert caught.value.retry_after_s == retry_after_s
    assert "\n" not in str(caught.value)
    assert [post.json() for post in web.posts] == [{"verdicts": ROWS}] * 2


def test_a_secret_in_the_address_is_not_shown(make_sink: Callable) -> None:
    with make_sink("http://127.0.0.1:9/T0K3N") as sink, pytest.raises(SinkUnavailable) as caught:
        sink.deliver(ROWS)
    assert "T0K3N" not in str(caught.value)


def test_the_status_is_shown_even_if_the_path_is_the_same(
    web: WebServer, make_sink: Callable
) -> None:
    web.respond = answer(404, b"no /404 here")
    sink = make_sink(web.url.replace("verdicts", "404"))
    with sink, pytest.raises(SinkUnavailable, match="the server refuses with 404 no") as caught:
        sink.deliver(ROWS)
    assert "/404 here" not in str(caught.value)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=["status", "header"])
def test_an_answer_that_drips_is_cut(start: bytes, web: WebServer, make_sink: Callable) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(start)
        while True:  # ends when the sink leaves
            request.wfile.write(b"H")
            time.sleep(0.02)

    web.respond = drip
    with make_sink(web.url, timeout_s=0.2) as sink:
        with pytest.raises(SinkUnavailable, match=r"no answer: not within 0\.4 s"):
            sink.deliver(ROWS)
        web.respond = answer(200)
        sink.deliver(ROWS)


def test_an_answer_without_end_is_not_read_to_its_end(web: WebServer, make_sink: Callable) -> None:
    sent = 0

    def flood(request: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while sent < 1_000_000_000:
            sent += request.wfile.write(b"x" * 100_000)

    web.respond = flood
    with make_sink(web.url) as sink:
        sink.deliver(ROWS)
        web.respond = answer(200)
        sink.deliver(ROWS)

    assert sent < 100_000_000
    assert len(web.posts) == 2


def test_a_closed_connection_is_opened_again(make_sink: Callable) -> None:
    with run_web_server() as first, make_sink(first.url) as sink:
        first.respond = answer(200, Connection="close")
        sink.deliver(ROWS)
        sink.deliver(ROWS)
    assert (len(first.posts), first.connections) == (2, 2)


def test_an_unreachable_server_is_found_again(make_sink: Callable) -> None:
    with run_web_server() as web:
        port = int(web.url.split(":")[2].split("/")[0])
    with make_sink(web.url) as sink:
        with pytest.raises(SinkUnavailable, match="refused"):
            sink.deliver(ROWS)
        with run_web_server(port=port) as back:
            sink.deliver(ROWS)
    assert len(back.posts) == 1


def test_the_servers_certificate_is_verified(
    tmp_path: Path, make_sink: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    ours, others = make_authority(tmp_path), make_authority(tmp_path, "other")
    with run_web_server(ours.sign("web")) as web:
        with make_sink(web.url, ca_file=ours.certificate) as sink:
            sink.deliver(ROWS)
        for ca_file in (None, others.certificate):
            sink = make_sink(web.url, ca_file=ca_file)
            with sink, pytest.raises(SinkUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                sink.deliver(ROWS)
        assert not caplog.records
        with make_sink(web.url, insecure=True) as sink:
            sink.deliver(ROWS)
        assert "insecure" in caplog.text
        assert len(web.posts) == 2


def test_an_invalid_certificate_is_a_configuration_error(
    tmp_path: Path, make_sink: Callable
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"cannot use the certificates .*ca\.pem"):
        make_sink("https://127.0.0.1/", ca_file=tmp_path / "ca.pem")


@given(st.text(), st.integers(0, 2**40), st.binary())
def test_a_signed_body_is_verified(secret: str, timestamp: int, body: bytes) -> None:
    header = sign(secret, timestamp, body)

    assert verify(secret, header, body, timestamp)
    assert not verify(secret + "x", header, body, timestamp)
    assert not verify(secret, header, body + b"x", timestamp)
    assert not verify(secret, header, body, timestamp + 301)


@given(st.text())
def test_no_other_text_is_a_signature(header: str) -> None:
    assert not verify("secret", header, b"body", NOW)
