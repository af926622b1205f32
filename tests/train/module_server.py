"""An HTTP server on loopback; each test gives its behaviour as a function."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Respond = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class ModuleServer:
    """Address, and path and Range header of each request."""

    address: str
    asked: list[tuple[str, str | None]] = field(default_factory=list)


def archive(folder: Path, *, inside: str = ".") -> bytes:
    """Return a folder as an archive, as TF Hub sends it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=0) as tar:
        tar.add(folder, arcname=inside)
    return stream.getvalue()


@contextlib.contextmanager
def serve(respond: Respond) -> Iterator[ModuleServer]:
    """Answer every GET with ``respond``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            module_server.asked.append((self.path, self.headers.get("Range")))
            respond(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    module_server = ModuleServer(f"http://127.0.0.1:{server.server_port}/publisher/module/1")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("no_proxy", "127.0.0.1")
            yield module_server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(data: bytes, *, status: int = 200, promised: int | None = None, **headers: str) -> Respond:
    """Send the same response each time; ``promised`` is the stated length."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(data) if promised is None else promised))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return respond


def send_ranges(data: bytes, *, tag: str = '"v1"', cut_at: int | None = None) -> Respond:
    """Send ranges on request; complete responses stop at byte ``cut_at``."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        if wanted is None or request.headers.get("If-Range") != tag:
            send(data[:cut_at], promised=len(data), ETag=tag)(request)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(data):
            send(b"", status=416)(request)
            return
        part = f"bytes {start}-{len(data) - 1}/{len(data)}"
        send(data[start:], status=206, ETag=tag, Content_Range=part)(request)

    return respond
