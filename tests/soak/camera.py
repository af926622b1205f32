"""A camera with a web server that knows which part it sent at which time."""

from __future__ import annotations

import base64
import http.server
import secrets
import threading
import time
from typing import Any

import cv2
import numpy as np
from tests.soak.evidence import Shown
from tests.soak.pixel_code import image_of

__all__ = ["MODES", "Camera"]

# ``refuse`` answers 503; ``drop`` closes connections; ``stall`` sends nothing; ``frozen`` repeats
# one frame; ``damaged`` sends halves; ``garbage`` sends random bytes; ``header`` sends a header
# without end; ``huge`` sends one frame of 36 megapixels, then good ones; ``dark`` black frames.
MODES = ("refuse", "drop", "stall", "frozen", "damaged", "garbage", "header", "huge", "dark")
_PERIOD_S = 0.04
_REALM = 'Basic realm="camera"'


class Camera(http.server.ThreadingHTTPServer):
    """MJPEG over HTTP, behind Basic authentication.

    Attributes:
        mode: ``good`` or one of ``MODES``.
        number: of the part in front of the lens.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, user: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.login = f"Basic {pair}"
        self.mode, self.number = "good", 0
        self._frames = 0
        self._shown: list[Shown] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/stream.mjpg"

    def shown(self) -> list[Shown]:
        """What was sent, one entry per run of the same number."""
        with self._lock:
            return list(self._shown)

    def end(self) -> None:
        self.mode = "drop"
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that go away: the line is killed on purpose."""

    def frame(self) -> tuple[bytes, int]:
        """Return the next JPEG and the number in it."""
        with self._lock:
            self._frames += 1
            frame, number = self._frames, self.number
        if self.mode == "dark":
            return _jpeg(np.zeros((192, 288, 3), np.uint8)), number
        return _jpeg(image_of(number, frame)), number

    def note(self, number: int) -> None:
        """Remember that an image of this number was sent now."""
        now = time.monotonic()
        with self._lock:
            last = self._shown[-1] if self._shown else None
            if last is not None and last.number == number and now - last.to_s < 1.0:
                self._shown[-1] = Shown(number, last.from_s, now)
            else:
                self._shown.append(Shown(number, now, now))


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Camera

    def do_GET(self) -> None:  # noqa: N802
        if self.server.mode == "refuse":
            self.send_error(503)
            return
        if self.headers.get("Authorization") != self.server.login:
            self.send_response(401)
            self.send_header("WWW-Authenticate", _REALM)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
        self.end_headers()
        frozen: tuple[bytes, int] | None = None
        sent_huge = False
        while self.server.mode not in ("drop", "refuse"):
            mode = self.server.mode
            frozen = (frozen or self.server.frame()) if mode == "frozen" else None
            if mode == "header":
                self.wfile.write(b"X-Long: " + b"x" * 4000)
            elif mode == "garbage":
                self.wfile.write(secrets.token_bytes(4000))
            elif mode == "huge" and not sent_huge:
                sent_huge = True
                self._send(_jpeg(np.full((6000, 6000, 3), 128, np.uint8)))
            elif mode != "stall":
                data, number = frozen or self.server.frame()
                self._send(data[: len(data) // 2] if mode == "damaged" else data)
                self.server.note(number)
            time.sleep(_PERIOD_S)

    def _send(self, data: bytes) -> None:
        head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _jpeg(image_bgr: Any) -> bytes:
    data: bytes = cv2.imencode(".jpg", image_bgr)[1].tobytes()
    return data
