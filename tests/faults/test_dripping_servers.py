"""Servers that answer one byte at a time: each exchange has a deadline in total.

The test fails by its own time limit if a sink waits for the end of such an answer.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import urllib3
from tests.servers.dripping import TLS_RECORD, run_dripping_server
from tests.servers.process import DEADLINE_S, until
from tests.servers.web import run_web_server

from partsight.config.network_sinks import ModbusSinkConfig, MqttSinkConfig, WebhookSinkConfig
from partsight.errors import SinkUnavailable
from partsight.sinks.answer_deadline import AnswerDeadline
from partsight.sinks.base import LineSink
from partsight.sinks.modbus import ModbusSink
from partsight.sinks.mqtt import MqttSink
from partsight.sinks.webhook import WebhookSink
from partsight.utils.wall_clock import utc_now

# Ten drips of the server.
TIMEOUT_S = 0.2
CHUNKED = b"HTTP/1.1 500 Error\r\nTransfer-Encoding: chunked\r\n\r\n"
HOST = {"host": "127.0.0.1", "timeout_s": TIMEOUT_S}


def webhook(port: int, scheme: str) -> LineSink:
    config: dict[str, Any] = {"url": f"{scheme}://127.0.0.1:{port}/", "secret_env": "HOOK_SECRET"}
    return WebhookSink(WebhookSinkConfig(kind="webhook", timeout_s=TIMEOUT_S, **config))


def mqtt(port: int, **changes: Any) -> LineSink:
    return MqttSink(MqttSinkConfig(kind="mqtt", port=port, **HOST, **changes))


def modbus(port: int) -> LineSink:
    return ModbusSink(ModbusSinkConfig(kind="modbus", port=port, **HOST))


@pytest.mark.parametrize(
    ("open_sink", "start", "drips"),
    [
        (lambda port: webhook(port, "http"), b"", b"H"),
        (lambda port: webhook(port, "http"), b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (lambda port: webhook(port, "http"), b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (lambda port: webhook(port, "http"), CHUNKED, b"0"),
        (lambda port: webhook(port, "https"), TLS_RECORD, b"\0"),
        (lambda port: mqtt(port), b"", b"\x20\xff\xff\xff\x7f"),
        (lambda port: mqtt(port), bytes.fromhex("2003000000"), b"\xd0\0"),
        (lambda port: mqtt(port, tls=True), TLS_RECORD, b"\0"),
        (modbus, b"\0\1\0\0\0\xff", b"\1"),
        (modbus, b"", b"\0\x63\0\0\0\3\1\x83\2"),
    ],
    ids=[
        *("HTTP status", "HTTP header", "HTTP continues", "HTTP chunk size", "HTTPS handshake"),
        *("MQTT welcome", "MQTT acknowledgement", "MQTT handshake"),
        *("Modbus answer", "Modbus wrong answers"),
    ],
)
def test_a_dripping_server_is_given_up(
    open_sink: Callable[[int], LineSink],
    start: bytes,
    drips: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    row = {"seq": 1, "id": "a", "verdict": "accept", "captured_at": utc_now().isoformat()}
    raised: list[Exception] = []

    def deliver() -> None:
        try:
            with open_sink(port) as sink:
                sink.deliver([row])
        except Exception as error:  # noqa: BLE001 - compared below
            raised.append(error)

    with run_dripping_server(start, drips) as port:
        thread = threading.Thread(target=deliver, daemon=True)
        thread.start()
        until(lambda: not thread.is_alive(), "the sink should give up")
    assert [type(error) for error in raised] == [SinkUnavailable], raised


@pytest.mark.parametrize("late", ["while it connects", "after that"])
def test_a_connection_is_cut_whenever_the_deadline_passes(late: str) -> None:
    """Connecting to many addresses may already take longer than the deadline."""
    deadline = AnswerDeadline(urllib3.PoolManager())
    ours, theirs = socket.socketpair()
    with ours, theirs, deadline.within(60.0 if late == "after that" else 0.0):
        if late == "after that":
            deadline.note(ours)
            deadline.cut()
        else:
            until(lambda: deadline.passed, "the deadline should pass")
            deadline.note(ours)
        ours.settimeout(DEADLINE_S)
        assert ours.recv(1) == b""


@pytest.mark.parametrize("body", [b"2\r\nok\r\n0\r\n\r\n", b"2\r\nok\r\n", b"ffff\r\nok"])
def test_a_rest_of_an_answer_is_not_taken_for_the_next(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")

    def chunked(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)

    with run_web_server() as web:
        web.respond = chunked
        config = {"url": web.url, "secret_env": "HOOK_SECRET", "timeout_s": 5.0}
        with WebhookSink(WebhookSinkConfig(kind="webhook", **config)) as sink:
            for _ in range(3):
                assert sink.deliver([{"seq": 1, "id": "a"}]) == 1
        assert len(web.posts) == 3
