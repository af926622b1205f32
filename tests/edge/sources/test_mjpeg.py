"""Motion JPEG over HTTP: the ways in which cameras write it, and those in which it breaks."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.errors import SourceError
from partsight.sources import capture_process, mjpeg
from partsight.sources.mjpeg import open_mjpeg

MULTIPART = "multipart/x-mixed-replace; boundary="


def jpeg(level: int) -> bytes:
    return cv2.imencode(".jpg", np.full((16, 16, 3), level, np.uint8))[1].tobytes()


def part(data: bytes, length: bool = True, boundary: str = "--part") -> bytes:
    told = f"content-length: {len(data)}\r\n" if length else ""
    return f"{boundary}\r\nContent-Type: image/jpeg\r\n{told}\r\n".encode() + data + b"\r\n"


@contextlib.contextmanager
def served(kind: str, body: bytes, password: str = "") -> Iterator[str]:
    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            if password and self.headers.get("Authorization") != password:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}/video"
        server.shutdown()


def levels(address: str) -> list[int | None]:
    """The level of each picture; None for one that is not whole."""
    stream, seen = open_mjpeg(address), []
    while stream.grab():
        whole, image = stream.retrieve()
        assert whole == (image is not None)
        seen.append(round(float(image.mean())) if whole else None)
    return seen


def play(kind: str, body: bytes) -> list[int | None]:
    with served(kind, body) as place:
        return levels(f"http://{place}")


@pytest.mark.parametrize(
    ("boundary", "line"),
    [("part", "--part"), ("--part", "--part"), ('"part"', "--part"), ("--part", "----part")],
)
@pytest.mark.parametrize("length", [True, False])
def test_boundaries_are_written_in_many_ways(boundary: str, line: str, length: bool) -> None:
    body = b"".join(part(jpeg(level), length, line) for level in (10, 20, 30))
    seen = play(MULTIPART + boundary, body + f"{line}--\r\n".encode())
    assert seen[: 3 if length else 2] == [10, 20, 30][: 3 if length else 2]


@pytest.mark.parametrize(
    "damaged",
    [jpeg(20)[:-40], b"", b"no picture", jpeg(20)[10:], b"\xff\xd8\xff\xd9"],
    ids=["cut off", "empty", "text", "without a head", "nothing within"],
)
def test_a_damaged_picture_is_none_and_the_next_is(damaged: bytes) -> None:
    body = part(jpeg(10)) + part(damaged) + part(jpeg(30))
    assert play(MULTIPART + "part", body) == [10, None, 30]


def test_filling_behind_a_picture_is_no_damage() -> None:
    assert play(MULTIPART + "part", part(jpeg(10) + b"\0\0\r\n")) == [10]


@pytest.mark.parametrize("cut", [1, 50, 200])
def test_a_stream_cut_off_ends(cut: int) -> None:
    body = part(jpeg(10)) + part(jpeg(20))
    assert play(MULTIPART + "part", body[:-cut]) == ([10, 20] if cut == 1 else [10])


@given(st.binary(max_size=400))
def test_no_bytes_do_harm(body: bytes) -> None:
    class Answer:
        def __init__(self) -> None:
            self.left = body

        def read(self, size: int) -> bytes:
            taken, self.left = self.left[:size], self.left[size:]
            return taken

        def readline(self, limit: int) -> bytes:
            end = self.left.find(b"\n") + 1 or len(self.left)
            return self.read(end)

    stream = mjpeg.MjpegCapture(Answer(), "part")
    grabbed = 0
    while stream.grab():
        stream.retrieve()
        grabbed += 1
    assert grabbed <= len(body)


def test_a_part_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg, "_MOST_BYTES", 1000)
    body = part(jpeg(10)) + part(b"\n" * 5000, length=False)
    assert play(MULTIPART + "part", body) == [10]


def test_the_password_of_the_address_is_used() -> None:
    body = part(jpeg(10))
    with served(MULTIPART + "part", body, "Basic dXNlcjpwQHNz") as place:
        assert levels(f"http://user:p%40ss@{place}") == [10]
        with pytest.raises(SourceError, match="401"):
            open_mjpeg(f"http://{place}")


def test_another_kind_of_stream_is_left_to_ffmpeg(
    tmp_path: object, write_video: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(cv2, "VideoCapture", lambda *given: asked.append(given))
    with served("video/mp4", b"some video") as place:
        assert open_mjpeg(f"http://{place}") is None
        capture_process.open_capture(f"http://{place}", 1)
        assert asked == [(f"http://{place}", cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://[::1/", "http:///"])
def test_nobody_there_is_an_error(address: str) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        open_mjpeg(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("0", (0, cv2.CAP_V4L2)),
        ("/dev/video3", ("/dev/video3", cv2.CAP_V4L2)),
        ("rtsp://host/line", ("rtsp://host/line", cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 3])),
        ("https://host/line", ("https://host/line", cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 3])),
    ],
)
def test_each_address_has_its_backend(
    monkeypatch: pytest.MonkeyPatch, address: str, expected: tuple[object, ...]
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", lambda *given: given)
    monkeypatch.setattr("sys.platform", "linux")
    assert capture_process.open_capture(address, 3) == expected
