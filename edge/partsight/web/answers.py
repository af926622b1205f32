"""One request to the health server: its path is looked up, all else is refused politely."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

__all__ = ["Answer", "HealthHandler", "Route", "json_answer"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus
    content_type: str
    body: bytes


# From what the client accepts, a header of HTTP, to an answer. May be called by several threads.
Route = Callable[[str], Answer]


def json_answer(status: HTTPStatus, document: Mapping[str, Any]) -> Answer:
    """An answer in JSON, on a line."""
    return Answer(status, "application/json", json.dumps(document).encode() + b"\n")


class HealthHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD on the server's ``routes``. HTTP/1.0: one request a connection."""

    server_version = "partsight"
    sys_version = ""
    default_request_version = "HTTP/1.0"  # what is no request gets an answer with headers, too
    timeout = 2.0  # seconds that a single read or write may wait

    def do_GET(self) -> None:  # noqa: N802 - BaseHTTPRequestHandler finds it by this name
        """Answer."""
        routes: Mapping[str, Route] = self.server.routes  # type: ignore[attr-defined]
        path = self.path.partition("?")[0]
        if path not in routes:
            self.send_error(HTTPStatus.NOT_FOUND, f"there is {', '.join(sorted(routes))}")
            return
        self._send(routes[path](self.headers.get("Accept", "")))

    do_HEAD = do_GET  # noqa: N815 - as above

    def _refuse(self) -> None:
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815 - as above

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Like all else in JSON."""
        status = HTTPStatus(code)
        self._send(json_answer(status, {"error": message or status.phrase}))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not on stderr, a line a question."""
        logger.debug(format, *args)
