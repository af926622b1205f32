"""Answers of a web server that misbehaves. Each is a ``Respond`` of ``tests.servers.web``."""

from __future__ import annotations

import contextlib
import time
from http.server import BaseHTTPRequestHandler

from tests.servers.web import Respond, answer

__all__ = ["ANSWERS", "REMOTE_TEXT"]

# A receiver's text with escape sequences, which must not reach a terminal.
REMOTE_TEXT = b"\x1b]0;owned\x07\x1b[2J" + b"A" * 60_000
_LONGEST_S = 20.0


def _cut(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def _hang(request: BaseHTTPRequestHandler) -> None:
    time.sleep(_LONGEST_S)
    request.close_connection = True


def _drip(request: BaseHTTPRequestHandler) -> None:
    """Send one byte of an endless header at a time, so that no single read times out."""
    request.close_connection = True
    until_s = time.monotonic() + _LONGEST_S
    with contextlib.suppress(OSError):
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while time.monotonic() < until_s:
            request.wfile.write(b"x")
            time.sleep(0.2)


def _endless(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    until_s = time.monotonic() + _LONGEST_S
    with contextlib.suppress(OSError):
        request.wfile.write(b"HTTP/1.1 503 Busy\r\nContent-Type: text/plain\r\n\r\n")
        while time.monotonic() < until_s:
            request.wfile.write(b"x" * 65536)


ANSWERS: dict[str, Respond] = {
    "500": answer(500, b"error"),
    "503": answer(503, b"busy", Retry_After="1"),
    "hostile text": answer(500, REMOTE_TEXT),
    "cut": _cut,
    "hang": _hang,
    "drip": _drip,
    "endless": _endless,
}
