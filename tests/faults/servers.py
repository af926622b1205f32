"""Real servers of pictures on loopback, which misbehave as a test tells them to."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

__all__ = ["MjpegServer", "RtspServer", "free_port", "mjpeg_server"]

DEADLINE_S = 60.0
_RTSP_PYTHON = "/usr/bin/python3"
_RTSP_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_RTSP_PACKAGES = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@functools.lru_cache
def jpeg(number: int) -> bytes:
    """A picture of middle brightness, which differs from that of any other number."""
    noise = np.random.default_rng(number).integers(60, 200, (24, 32, 3), np.uint8)
    picture = cv2.resize(noise, (160, 120), interpolation=cv2.INTER_NEAREST)
    return cv2.imencode(".jpg", picture)[1].tobytes()


class MjpegServer(http.server.ThreadingHTTPServer):
    """A camera with a web server.

    Attributes:
        mode: ``good`` sends pictures, ``repeat`` the same one, ``damaged`` the first half of
            each, ``stall`` nothing, ``drop`` closes the connection, ``refuse`` answers 503.
        pause_s: between pictures.
        sent: pictures so far.
        asked: requests so far.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Camera)
        self.mode = "good"
        self.pause_s = 0.01
        self.sent = self.asked = 0

    @property
    def address(self) -> str:
        return f"http://user:secret@127.0.0.1:{self.server_port}/stream.mjpg"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed is what is tested."""


class _Camera(http.server.BaseHTTPRequestHandler):
    server: MjpegServer

    def do_GET(self) -> None:  # noqa: N802
        self.server.asked += 1
        if self.server.mode == "refuse":
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
        self.end_headers()
        while self.server.mode not in ("drop", "refuse"):
            if self.server.mode != "stall":
                self._send_image()
            time.sleep(self.server.pause_s)

    def _send_image(self) -> None:
        mode = self.server.mode
        data = jpeg(0 if mode == "repeat" else self.server.sent % 100)
        if mode == "damaged":
            data = data[: len(data) // 2]
        head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        self.wfile.write(head.encode() + data + b"\r\n")
        self.server.sent += 1

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def mjpeg_server() -> Iterator[MjpegServer]:
    """Serve while the block runs."""
    with MjpegServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.mode = "drop"
            server.shutdown()
            thread.join(DEADLINE_S)


class RtspServer(contextlib.ExitStack):
    """GStreamer's server of a moving picture; skips the test where it is not installed."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.address = f"rtsp://127.0.0.1:{self.port}/line"
        self._process: subprocess.Popen[bytes] | None = None
        self.callback(self.kill)

    def start(self) -> None:
        """Returns when it listens."""
        command = [_RTSP_PYTHON, str(_RTSP_SCRIPT), str(self.port)]
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        # Not a pipe: GStreamer warns as long as it runs, and nobody would read.
        with tempfile.TemporaryFile() as complaints:
            try:
                self._process = subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=complaints, env=environ
                )
            except OSError as error:
                _not_there(str(error))
            assert self._process is not None
            assert self._process.stdout is not None
            if self._process.stdout.readline() != b"ready\n":
                self.kill()
                complaints.seek(0)
                lines = complaints.read().decode(errors="replace").strip().splitlines()
                _not_there(lines[-1] if lines else "it ended")

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=DEADLINE_S)
            self._process = None


def _not_there(reason: str) -> None:
    message = f"no RTSP server to test with: {reason}. apt-get install {_RTSP_PACKAGES}"
    if os.environ.get("PARTSIGHT_REQUIRE_SERVERS"):
        pytest.fail(message)
    pytest.skip(message)
