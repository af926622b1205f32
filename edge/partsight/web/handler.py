"""Reads one HTTP request, finds its route and writes the answer. One request per connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from partsight.web.answers import Answer, Refusal, Request, Route, json_answer
from partsight.web.own_host import require_own_host

__all__ = ["Handler"]

logger = logging.getLogger(__name__)


class Handler(BaseHTTPRequestHandler):
    """Answers from ``server.routes``. Speaks HTTP/1.0, so a connection carries one request."""

    server_version = "partsight"
    sys_version = ""
    default_request_version = "HTTP/1.0"  # a malformed request gets an answer with headers too

    def _handle(self) -> None:
        moment_s = time.monotonic()
        # From here on the client cannot be replaced by a newer one, see ``HttpServer``.
        self.server.head_was_read(self.connection)  # type: ignore[attr-defined]
        address = urlsplit(self.path)
        try:
            require_own_host(self.headers.get("Host"), self.server.listen_host)  # type: ignore[attr-defined]
            route = self._route(address.path)
            request = Request(address.query, self.headers, moment_s, self._read_body)
            answer = route.answer(request)
        except Refusal as refusal:
            answer = json_answer(refusal.status, {"error": str(refusal)}, refusal.headers)
        self._send(answer)

    # BaseHTTPRequestHandler finds them by these names.
    do_GET = do_HEAD = do_POST = _handle  # noqa: N815
    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _handle  # noqa: N815

    def _route(self, path: str) -> Route:
        routes: Mapping[str, Route] = self.server.routes  # type: ignore[attr-defined]
        route = routes.get(path)
        if route is None:
            known = ", ".join(f"{each.methods[0]} {name}" for name, each in sorted(routes.items()))
            raise Refusal(HTTPStatus.NOT_FOUND, f"expected {known}")
        if self.command not in route.methods:
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"expected {' or '.join(route.methods)}",
                {"Allow": ", ".join(route.methods)},
            )
        return route

    def _read_body(self, longest: int) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise Refusal(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise Refusal(HTTPStatus.BAD_REQUEST, "expected a Content-Length in bytes")
        if len(length) > 9 or int(length) > longest:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {longest} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body is incomplete")
        return body

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a malformed request in JSON, like all others."""
        status = HTTPStatus(code)
        self._send(json_answer(status, {"error": message or status.phrase}))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in (answer.headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests at debug level instead of printing each to stderr."""
        logger.debug(format, *args)
