"""Cameras that give one image per request, and faulty answers of their web servers."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from tests.servers.certificates import make_authority

from partsight.cli.main import main
from partsight.config.source import CameraConfig, SourceConfig
from partsight.errors import SourceError
from partsight.image.spec import PreprocessSpec
from partsight.records import Frame
from partsight.sources import http_stream, open_frames
from partsight.sources.http_stream import open_http
from partsight.sources.mjpeg import MjpegCapture
from partsight.sources.snapshot import SnapshotCapture, _decoded
from partsight.telemetry.telemetry import Telemetry

DEADLINE_S = 60.0


def jpeg(level: int = 90) -> bytes:
    return cv2.imencode(".jpg", np.full((16, 16, 3), level, np.uint8))[1].tobytes()


def png(level: int = 90) -> bytes:
    return cv2.imencode(".png", np.full((16, 16, 3), level, np.uint8))[1].tobytes()


class Camera(http.server.ThreadingHTTPServer):
    """Answers each request by ``respond``, which a test changes."""

    daemon_threads = True

    def __init__(self, respond: Callable[[Any], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond, self.asked = respond, 0

    def address(self, path: str = "/cgi/snap", login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect, which is tested here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802
        self.server.asked += 1
        self.server.respond(self)

    def log_message(self, *_: object) -> None:
        pass


def answer(body: bytes, kind: str | None = "image/jpeg", status: int = 200, **headers: str) -> Any:
    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        if kind is not None:
            request.send_header("Content-Type", kind)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return respond


@contextlib.contextmanager
def camera(respond: Callable[[Any], None]) -> Iterator[Camera]:
    with Camera(respond) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(DEADLINE_S)


def level(capture: Any) -> int:
    assert capture.grab()
    received, image = capture.retrieve()
    assert received
    return round(float(image.mean()))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (jpeg(), "image/jpeg"),
        (jpeg(), "image/jpg; charset=binary"),
        (jpeg(), "application/octet-stream"),
        (jpeg(), "text/plain"),
        (jpeg(), None),
        (jpeg() + b"\0" * 99, "image/jpeg"),
        (png(), "image/png"),
        (png(), "image/jpeg"),
    ],
)
@pytest.mark.parametrize("path", ["/snap.jpg", "/cgi-bin/api?cmd=Snap&x=%20", "/video"])
def test_a_picture_is_known_by_the_response(body: bytes, kind: str | None, path: str) -> None:
    with camera(answer(body, kind)) as server:
        capture = open_http(server.address(path))
        assert isinstance(capture, SnapshotCapture)
        capture.set(cv2.CAP_PROP_FPS, 1000.0)
        assert level(capture) == 90
        assert server.asked == 1, "the first picture is not asked for twice"
        assert level(capture) == 90
        assert server.asked == 2


def test_a_stream_is_a_stream_whatever_its_name() -> None:
    body = b"--x\r\n\r\n" + jpeg() + b"\r\n--x--\r\n"
    with camera(answer(body, "multipart/x-mixed-replace; boundary=x")) as server:
        capture = open_http(server.address("/snap.jpg"))
        assert isinstance(capture, MjpegCapture)
        assert level(capture) == 90


def loop(request: Any) -> None:
    answer(b"", None, 302, Location=request.path)(request)


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (answer(b"", None, 404), "404"),
        (answer(b"", None, 503), "503"),
        (answer(b"", None, 401), "HTTP 401: the camera refuses the user name and password"),
        (answer(b"", None, 401, WWW_Authenticate="Bearer realm=x"), "HTTP 401"),
        (answer(b"", None, 401, WWW_Authenticate='Basic realm="x"'), "HTTP 401"),
        (answer(b"<html>log in", "text/html"), "answers with text/html.*login page"),
        (answer(b'{"error": 1}', "application/json"), "answers with application/json"),
        (loop, "infinite loop"),
        (answer(b"", None, 302, Location="rtsp://u:marker@h/x"), "redirects to an address without"),
        (answer(jpeg()[:-40]), "cut off or damaged"),
        (answer(png()[:-20], "image/png"), "cut off or damaged"),
        (answer(b"", "image/jpeg"), "received 0 bytes"),
        (answer(b"RIFFxxxxWEBP", "image/webp"), "expected a JPEG or PNG"),
        (answer(jpeg()[:2] + b"nonsense" * 9 + jpeg()[-2:]), "cut off or damaged"),
    ],
)
@pytest.mark.parametrize("login", ["", "user:marker@"])
def test_an_answer_that_is_no_picture_is_named(respond: Any, reason: str, login: str) -> None:
    with camera(respond) as server, pytest.raises(SourceError, match=reason) as raised:
        open_http(server.address(login=login))
    assert "marker" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:1/x", "refused"),
        ("http://[::1/x", "malformed"),
        ("http://u:mark/er@127.0.0.1/x", "malformed"),
    ],
)
def test_an_address_that_cannot_be_asked_is_named(address: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as raised:
        open_http(address)
    assert "mark" not in str(raised.value)


@pytest.mark.parametrize("body", [b"\xff\xd8" + b"x" * 50_000, jpeg() + b"\0" * 50_000])
def test_a_picture_without_end_is_given_up(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_stream, "_MOST_BYTES", 10_000)
    with camera(answer(body)) as server, pytest.raises(SourceError, match="larger than"):
        open_http(server.address())


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_stream, "_MOST_S", -1.0)
    with camera(answer(jpeg())) as server, pytest.raises(SourceError, match="did not end within"):
        open_http(server.address())


def test_a_camera_that_stops_answering_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    with camera(answer(jpeg())) as server:
        capture = open_http(server.address())
        capture.set(cv2.CAP_PROP_FPS, 1000.0)
        assert level(capture) == 90
        monkeypatch.setattr(http_stream, "_MOST_S", 0.05)
        server.respond = lambda request: over.wait(DEADLINE_S)
        with pytest.raises(
            SourceError, match="3 requests in a row gave no picture: no answer within"
        ):
            capture.grab()
        over.set()


class Script:
    """A camera of a script: levels, or errors."""

    def __init__(self, *events: int | str) -> None:
        self.events, self.clock_s, self.asked_s = iter(events), 100.0, []

    def fetch(self) -> bytes:
        self.asked_s.append(self.clock_s)
        event = next(self.events)
        self.clock_s += 0.25  # an answer takes a while
        if isinstance(event, str):
            raise SourceError(event)
        return jpeg(event)

    def capture(self) -> SnapshotCapture:
        def sleep(seconds: float) -> None:
            self.clock_s += seconds

        clock = lambda: self.clock_s  # noqa: E731
        return SnapshotCapture(self.fetch, jpeg(10), 99.5, clock=clock, sleep=sleep)


def test_pictures_are_asked_for_at_the_rate_of_the_camera_section() -> None:
    script = Script(20, 30)
    capture = script.capture()
    assert not capture.set(cv2.CAP_PROP_GAIN, 3.0)
    assert capture.set(cv2.CAP_PROP_FPS, 0.5)
    assert capture.get(cv2.CAP_PROP_FPS) == 0.5
    assert (level(capture), capture.arrived_s) == (10, 99.5)
    assert (level(capture), capture.arrived_s) == (20, 101.5), "when it was asked for"
    assert (level(capture), capture.arrived_s) == (30, 103.5)


def test_a_failure_is_passed_over_and_several_in_a_row_are_the_end() -> None:
    script = Script("HTTP 503", "HTTP 503", 20, "HTTP 503", "HTTP 503", "HTTP 500")
    capture = script.capture()
    assert level(capture) == 10
    assert (level(capture), capture.dropped) == (20, 2)
    with pytest.raises(SourceError, match="3 requests in a row gave no picture: HTTP 500"):
        capture.grab()


def digest(request: http.server.BaseHTTPRequestHandler) -> None:
    given = request.headers.get("Authorization", "")
    if 'Digest username="us:er", realm="cam"' in given:
        answer(jpeg())(request)
        return
    request.send_response(401)
    request.send_header("WWW-Authenticate", 'Digest realm="cam", nonce="a", algorithm=SHA-256')
    request.send_header("WWW-Authenticate", 'Digest realm="cam", nonce="b", algorithm=MD5')
    request.send_header("WWW-Authenticate", 'Basic realm="cam"')
    request.end_headers()


def test_a_digest_challenge_is_answered() -> None:
    with camera(digest) as server:
        capture = open_http(server.address(login="us%3Aer:p%40ss@"))
        capture.set(cv2.CAP_PROP_FPS, 1000.0)
        assert [level(capture), level(capture)] == [90, 90]
        with pytest.raises(SourceError, match="HTTP 401"):
            open_http(server.address())


def test_a_redirect_to_another_host_does_not_get_the_password() -> None:
    seen: list[str | None] = []

    def other(request: Any) -> None:
        seen.append(request.headers.get("Authorization"))
        answer(b"", None, 401, WWW_Authenticate='Basic realm="x"')(request)

    with camera(other) as thief:
        away = thief.address().replace("127.0.0.1", "localhost")
        with (
            camera(answer(b"", None, 302, Location=away)) as server,
            pytest.raises(SourceError, match="401"),
        ):
            open_http(server.address(login="user:secret@"))
    assert seen == [None]


def test_a_self_signed_certificate_is_reported(tmp_path: Path) -> None:
    pair = make_authority(tmp_path).sign("camera")
    with Camera(answer(jpeg())) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        capture = open_http(server.address().replace("http:", "https:"))
        assert isinstance(capture, SnapshotCapture)
        assert "certificate of the camera cannot be verified" in capture.warning
        assert level(capture) == 90
        server.shutdown()


def noise(number: int) -> bytes:
    levels = np.random.default_rng(number).integers(60, 200, (48, 64, 3), np.uint8)
    return cv2.imencode(".jpg", levels)[1].tobytes()


def test_a_line_reads_snapshots_and_names_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partsight.sources.live._FIRST_WAIT_S", 0.01)

    def good(request: Any) -> None:
        answer(noise(server.asked))(request)

    with camera(good) as server:
        config = SourceConfig(
            address=server.address("/snap.jpg", "user:marker@"),
            warm_up_frames=1,
            camera=CameraConfig(fps=100.0),
        )
        telemetry = Telemetry()
        with open_frames(config, PreprocessSpec(24, 24), telemetry) as frames:
            first = frames.after(0, DEADLINE_S)
            assert isinstance(first, Frame)
            assert first.source == f"http://***@127.0.0.1:{server.server_port}/snap.jpg"
            server.respond = answer(b"<html>", "text/html")
            fault = frames.after(first.monotonic_s + 1e6, DEADLINE_S)
            assert "3 requests in a row gave no picture" in fault.reason
            assert "marker" not in fault.reason
            server.respond = good
            restored_s = time.monotonic()
            while not isinstance(frames.after(restored_s, DEADLINE_S), Frame):
                pass
        assert telemetry.values()["source_restarts", ""] >= 1


def test_capture_collects_snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with camera(lambda request: answer(noise(server.asked))(request)) as server:
        options = ["--source", server.address(), "--label", "good", "--max", "3", "parts"]
        done = CliRunner().invoke(main, ["capture", *options])
    assert done.exit_code == 0, done.output
    assert len(list(Path("parts/good").iterdir())) == 3


def test_an_image_of_too_many_pixels_is_refused_undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    jpeg = bytearray(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = (14_000).to_bytes(2, "big") * 2
    png = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    png[16:24] = (14_000).to_bytes(4, "big") * 2

    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(cv2, "imdecode", decode)
    for data in (bytes(jpeg), bytes(png)):
        with pytest.raises(SourceError, match="too large: 14000 x 14000 pixels"):
            _decoded(data)
