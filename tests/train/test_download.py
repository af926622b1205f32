"""Downloads are complete or fail, and received parts are not requested again."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TypeVar

import pytest
from tests.train.module_server import Respond, send, send_ranges, serve

from partsight.errors import ModelError
from partsight_train.backbones.download import download

DATA = random.Random(0).randbytes(3 * (1 << 20) + 7)
HALF = len(DATA) // 2
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"

_Item = TypeVar("_Item")


def in_turn(*answers: Respond) -> Respond:
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


def whole(end: int | None = None) -> str | None:
    return None if end is None else f"bytes={end}-"


@pytest.mark.parametrize(
    ("respond", "ranges"),
    [
        (send(DATA), [None]),
        (send_ranges(DATA, cut_at=HALF), [None, HALF]),
        # No validator, or a weak one: from the beginning.
        (in_turn(send(DATA[:HALF], promised=len(DATA)), send(DATA)), [None, None]),
        (
            in_turn(send(DATA[:HALF], promised=len(DATA), ETag='W/"v1"'), send(DATA)),
            [None, None],
        ),
        # A new version: the server ignores the range.
        (
            in_turn(send_ranges(b"old" + DATA, tag='"v0"', cut_at=HALF), send_ranges(DATA)),
            [None, HALF],
        ),
        # A date is a validator too.
        (
            in_turn(
                send(DATA[:HALF], promised=len(DATA), Last_Modified=DATE),
                send_ranges(DATA, tag=DATE),
            ),
            [None, HALF],
        ),
        # A server that sends another range than requested.
        (
            in_turn(
                send_ranges(DATA, cut_at=HALF),
                send(DATA[9:], status=206, Content_Range=f"bytes 9-{len(DATA) - 1}/{len(DATA)}"),
                send(DATA),
            ),
            [None, HALF, None],
        ),
        # The file has become shorter than the received part.
        (
            in_turn(send_ranges(DATA + DATA, cut_at=len(DATA) + 5), send_ranges(DATA), send(DATA)),
            [None, len(DATA) + 5, None],
        ),
    ],
    ids=[
        "at once",
        "resumed",
        "no mark",
        "weak mark",
        "changed",
        "date",
        "wrong range",
        "shorter",
    ],
)
def test_the_file_is_complete(tmp_path: Path, respond: Respond, ranges: list[int | None]) -> None:
    file = tmp_path / "new" / "module.tar.gz"
    with serve(respond) as server:
        download(server.address, file)
    assert file.read_bytes() == DATA
    assert [wanted for _, wanted in server.asked] == [whole(start) for start in ranges]
    assert list(file.parent.iterdir()) == [file], "nothing else is left"


def test_another_run_continues_a_killed_download(tmp_path: Path) -> None:
    file = tmp_path / "module.tar.gz"

    def killed(items: Iterable[_Item], total: int, **_: object) -> Iterable[_Item]:
        for index, item in enumerate(items):
            if index == 1:
                raise KeyboardInterrupt
            yield item

    with serve(send_ranges(DATA)) as server:
        with pytest.raises(KeyboardInterrupt):
            download(server.address, file, killed)
        assert not file.exists()
        received = (tmp_path / "module.tar.gz.part").stat().st_size
        download(server.address, file)
        assert server.asked[1][1] == f"bytes={received}-"
        assert 1 << 20 < received < len(DATA)
        download(server.address, file)  # already complete
    assert file.read_bytes() == DATA
    assert len(server.asked) == 2


def test_each_remaining_mebibyte_is_reported(tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []

    def progress(items: Iterable[_Item], total: int, **_: object) -> Iterable[_Item]:
        try:
            for count, item in enumerate(items):
                reported.append((count + 1, total))
                yield item
        finally:
            reported.append((0, 0))

    with serve(send_ranges(DATA, cut_at=2 << 20)) as server:
        download(server.address, tmp_path / "module.tar.gz", progress)
    assert reported == [(1, 4), (2, 4), (0, 0), (1, 2), (2, 2), (0, 0)]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:{port}/m", "refused"),
        ("http://[bad/m", "IPv6"),
        ("http://127.0.0.1:none/m", "nonnumeric port"),
        ("http://a b/m", "control characters|resolve|not known|resolution"),
    ],
)
def test_an_address_without_a_server_is_an_error(tmp_path: Path, address: str, reason: str) -> None:
    with pytest.raises(ModelError, match=f"(?s)cannot fetch .*({reason})"):
        download(address.format(port=closed_port()), tmp_path / "file")
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("respond", "reason", "requests"),
    [
        (send(b"", status=404), "answers 404 Not Found", 1),
        (send(b"", status=503), "answers 503", 1),
        (send(DATA[:HALF], promised=len(DATA)), f"cut off at {HALF} of {len(DATA)} bytes", 4),
        (lambda request: request.wfile.write(b"\0\1\2 no HTTP\r\n\r\n"), "HTTP|no HTTP", 1),
        (lambda request: None, "closed connection", 1),
        (
            lambda request: (
                request.send_response(302),
                request.send_header("Location", "file:///etc/hostname"),
                request.end_headers(),
            ),
            "302",
            1,
        ),
    ],
    ids=["404", "503", "cut off each time", "no HTTP", "silence", "redirected to a file"],
)
def test_a_failing_server_is_an_error(
    tmp_path: Path, respond: Respond, reason: str, requests: int
) -> None:
    with serve(respond) as server, pytest.raises(ModelError, match=reason):
        download(server.address, tmp_path / "file")
    assert len(server.asked) == requests
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("sent", [b"", DATA[:HALF]], ids=["nothing", "half"])
def test_a_stalled_server_times_out(tmp_path: Path, sent: bytes) -> None:
    done = threading.Event()

    def stall(request: BaseHTTPRequestHandler) -> None:
        if sent:
            send(sent, promised=len(DATA))(request)
        done.wait(60)

    with serve(stall) as server:
        try:
            with pytest.raises(ModelError, match="timed out"):
                download(server.address, tmp_path / "file", timeout_s=0.1)
        finally:
            done.set()


def test_a_redirection_is_followed_with_its_range(tmp_path: Path) -> None:
    respond = send_ranges(DATA, cut_at=HALF)

    def redirect(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/elsewhere":
            respond(request)
        else:
            send(b"", status=302, Location="/elsewhere")(request)

    with serve(redirect) as server:
        download(server.address, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA
    assert server.asked[-1] == ("/elsewhere", f"bytes={HALF}-")


def test_a_partial_file_without_its_validator_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"of something else")
    with serve(send_ranges(DATA)) as server:
        download(server.address, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA
    assert server.asked[0][1] is None


@pytest.mark.parametrize("promises", [True, False])
def test_a_file_beyond_the_limit_is_not_received(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promises: bool
) -> None:
    monkeypatch.setattr("partsight_train.backbones.download.MAX_UNPACKED_BYTES", 1 << 20)

    def without_length(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(DATA)

    with (
        serve(send(DATA) if promises else without_length) as server,
        pytest.raises(ModelError, match="expected at most 1 MiB"),
    ):
        download(server.address, tmp_path / "file")
    assert not (tmp_path / "file").exists()
