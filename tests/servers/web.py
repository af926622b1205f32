"""A real HTTP server on loopback, whose behaviour a test changes while it runs."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.certificates import Pair

__all__ = ["Post", "Respond", "WebServer", "answer", "run_web_server"]


@dataclass(frozen=True)
class Post:
    """A request that came whole."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Respond = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Respond:
    """The same answer each time; an underscore in a header's name is a hyphen."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return respond


@dataclass
class WebServer:
    """Notes each POST, then answers by ``respond``."""

    url: str
    respond: Respond = field(default_factory=lambda: answer(200))
    posts: list[Post] = field(default_factory=list)
    connections: int = 0


@contextlib.contextmanager
def run_web_server(pair: Pair | None = None, port: int = 0) -> Iterator[WebServer]:
    """Answer every POST; encrypted with a certificate where one is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            web.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            web.posts.append(Post(self.path, dict(self.headers), body))
            web.respond(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that go away are what is tested."""

    server = Server(("127.0.0.1", port), Handler)
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if pair is None else "https"
    web = WebServer(f"{scheme}://127.0.0.1:{server.server_port}/verdicts")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
