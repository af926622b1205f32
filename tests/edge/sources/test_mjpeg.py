"""Motion JPEG over HTTP: variants of cameras, and damaged streams."""

from __future__ import annotations

import contextlib
import http.server
import io
import threading
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partsight.errors import SourceError
from partsight.image.jpeg import jpeg_size_wh
from partsight.sources import capture_process, multipart
from partsight.sources.http_stream import open_http
from partsight.sources.mjpeg import MjpegCapture, whole_image
from partsight.sources.multipart import parts

MULTIPART = "multipart/x-mixed-replace; boundary="


def jpeg(level: int) -> bytes:
    return cv2.imencode(".jpg", np.full((16, 16, 3), level, np.uint8))[1].tobytes()


def part(data: bytes, length: bool = True, boundary: str = "--part") -> bytes:
    reported = f"content-length: {len(data)}\r\n" if length else ""
    return f"{boundary}\r\nContent-Type: image/jpeg\r\n{reported}\r\n".encode() + data + b"\r\n"


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


def level(image: np.ndarray | None) -> int | None:
    return None if image is None else round(float(image.mean()))


def play(boundary: str, body: bytes) -> list[int | None]:
    """The level of each picture; None for one that is not whole."""
    return [level(whole_image(data)) for data in parts(io.BytesIO(body), boundary)]


@pytest.mark.parametrize(
    ("boundary", "line"),
    [("part", "--part"), ("--part", "--part"), ('"part"', "--part"), ("--part", "----part")],
)
@pytest.mark.parametrize("length", [True, False])
def test_boundaries_are_written_in_many_ways(boundary: str, line: str, length: bool) -> None:
    body = b"".join(part(jpeg(level), length, line) for level in (10, 20, 30))
    seen = play(boundary, body + f"{line}--\r\n".encode())
    assert seen[: 3 if length else 2] == [10, 20, 30][: 3 if length else 2]


@pytest.mark.parametrize(
    "damaged",
    [jpeg(20)[:-40], b"", b"no picture", jpeg(20)[10:], b"\xff\xd8\xff\xd9"],
    ids=["cut off", "empty", "text", "without a head", "nothing within"],
)
def test_a_damaged_picture_is_none_and_the_next_is(damaged: bytes) -> None:
    body = part(jpeg(10)) + part(damaged) + part(jpeg(30))
    assert play("part", body) == [10, None, 30]


def with_thumbnail(data: bytes) -> bytes:
    """A JPEG with another one, end marker and all, in its first segment."""
    inner = b"Exif\0\0" + jpeg(200)
    return data[:2] + b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner + data[2:]


BEHIND = {
    "nothing": b"",
    "NUL bytes": b"\0" * 64,
    "NUL bytes and a line end": b"\0\0\r\n",
    "line ends": b"\r\n\r\n\n",
    "fill": b"\xff" * 9,
    "metadata": b"META 12:34:56 x=1;y=2",
    "metadata like a boundary": b"\r\n--meta\r\nx\r\n\r\n",
    "another picture": jpeg(200),
    "half a picture": jpeg(200)[:60],
    "an end marker": b"\xff\xd9",
}


@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
def test_bytes_after_the_end_marker_are_cut_off(behind: bytes, length: bool) -> None:
    body = part(jpeg(10) + behind, length) + part(with_thumbnail(jpeg(20)) + behind, length)
    assert play("part", body + part(jpeg(30)) + b"--part--\r\n")[-3:] == [10, 20, 30]


@pytest.mark.parametrize("behind", list(BEHIND.values())[:-1], ids=list(BEHIND)[:-1])
@pytest.mark.parametrize("cut", [2, 3, 40, 200])
@pytest.mark.parametrize("make", [jpeg, lambda level: with_thumbnail(jpeg(level))])
def test_a_part_without_its_own_end_marker_is_refused(
    behind: bytes, cut: int, make: Callable[[int], bytes]
) -> None:
    seen = play("part", part(make(20)[:-cut] + behind) + part(jpeg(30)))
    assert 20 not in seen
    assert 200 not in seen, "the thumbnail is not the picture"
    assert seen[-1] == 30


@pytest.mark.parametrize(
    "wrong", [1, 7, -1, -2, -30, -10_000], ids=lambda wrong: f"length {wrong:+}"
)
def test_a_wrong_length_loses_no_picture(wrong: int) -> None:
    def reported(data: bytes) -> bytes:
        length = max(0, len(data) + wrong)
        return f"--part\r\nContent-Length: {length}\r\n\r\n".encode() + data + b"\r\n"

    body = reported(jpeg(10)) + reported(jpeg(20)) + reported(jpeg(30)) + b"--part--\r\n"
    assert play("part", body) == [10, 20, 30]


WRITTEN = {
    "another boundary than announced": ("part", "--other\r\n{head}\r\n", "\r\n"),
    "no boundary announced": ("", "--part\r\n{head}\r\n", "\r\n"),
    "a boundary without dashes": ("mjpegpart", "mjpegpart\r\n{head}\r\n", "\r\n"),
    "no line end before the boundary": ("part", "--part\r\n{head}\r\n", ""),
    "line feeds only": ("part", "--part\n{head}\n", "\n"),
    "spaces behind the boundary": ("part", "--part  \r\n{head}\r\n", "\r\n"),
    "two empty lines before the data": ("part", "--part\r\n{head}\r\n\r\n", "\r\n"),
    "no empty line before the data": ("part", "--part\r\n{head}", "\r\n"),
    "a dashed name": ("----=_Part-7", "------=_Part-7\r\n{head}\r\n", "\r\n"),
}


@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_parts_are_written_in_many_ways(written: tuple[str, str, str], length: bool) -> None:
    boundary, before, behind = written
    body = b""
    for value in (10, 20, 30):
        data = jpeg(value)
        head = "Content-Type: image/jpeg\r\n" + f"Content-Length: {len(data)}\r\n" * length
        body += before.format(head=head).encode() + data + behind.encode()
    end = before.partition("{head}")[0].encode()
    assert [each for each in play(boundary, body + end) if each] == [10, 20, 30]


@pytest.mark.parametrize("cut", [1, 50, 200])
def test_a_stream_cut_off_ends(cut: int) -> None:
    body = part(jpeg(10)) + part(jpeg(20))
    assert play("part", body[:-cut]) == ([10, 20] if cut == 1 else [10])


@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing(body: bytes) -> None:
    found = list(parts(io.BytesIO(body), "part"))
    assert len(found) <= len(body)
    assert all(whole_image(data) is None for data in [*found, body])


def test_the_newest_image_is_grabbed_and_the_others_are_counted() -> None:
    go_on, all_read = threading.Event(), threading.Event()

    def stream() -> Iterator[bytes]:
        yield jpeg(10)
        go_on.wait(60)
        yield from (jpeg(20), jpeg(30), jpeg(40))
        all_read.set()

    capture = MjpegCapture(stream())
    before_s = time.monotonic()
    assert capture.grab()
    assert level(capture.retrieve()[1]) == 10
    go_on.set()
    assert all_read.wait(60)
    after_s = time.monotonic()
    assert capture.grab()
    assert level(capture.retrieve()[1]) == 40
    assert capture.dropped == 2
    assert before_s <= capture.arrived_s <= after_s, "not when it was grabbed"
    assert not capture.grab()


def test_a_part_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "_MOST_BYTES", 1000)
    body = part(jpeg(10)) + part(b"\n" * 5000, length=False)
    assert play("part", body) == [10]


def test_the_password_of_the_address_is_used() -> None:
    body = part(jpeg(10))
    with served(MULTIPART + "part", body, "Basic dXNlcjpwQHNz") as place:
        stream = open_http(f"http://user:p%40ss@{place}")
        assert stream.grab()
        assert level(stream.retrieve()[1]) == 10
        assert not stream.grab()
        with pytest.raises(SourceError, match="401"):
            open_http(f"http://{place}")


def test_another_kind_of_stream_is_left_to_ffmpeg(
    tmp_path: object, write_video: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(cv2, "VideoCapture", lambda *given: asked.append(given))
    with served("video/mp4", b"some video") as place:
        assert open_http(f"http://{place}") is None
        capture_process.open_capture(f"http://{place}")
        assert asked == [(f"http://{place}", cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://[::1/", "http:///"])
def test_no_answer_is_an_error(address: str) -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        open_http(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("0", (0, cv2.CAP_V4L2)),
        ("/dev/video3", ("/dev/video3", cv2.CAP_V4L2)),
        ("rtsp://host/line", ("rtsp://host/line", cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])),
        ("udp://:5000", ("udp://:5000", cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])),
    ],
)
def test_each_address_has_its_backend(
    monkeypatch: pytest.MonkeyPatch, address: str, expected: tuple[object, ...]
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", lambda *given: given)
    monkeypatch.setattr("sys.platform", "linux")
    assert capture_process.open_capture(address) == expected


def test_an_image_of_too_many_pixels_is_dropped_undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = (14_000).to_bytes(2, "big") * 2
    assert jpeg_size_wh(bytes(data)) == (14_000, 14_000)

    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(cv2, "imdecode", decode)
    assert whole_image(bytes(data)) is None
