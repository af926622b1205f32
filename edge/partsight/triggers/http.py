"""``POST /trigger`` as a trigger, answered by a small server on this device.

The part's id is ``?part_id=``, or else in the body, see ``part_id``. The answer is
202 with ``{"occasion": N}``, as soon as the occasion waits for its frame; the verdict comes by
the sinks. The occasion's moment is when the request's head was read.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from partsight.config.secret import optional_secret
from partsight.errors import ConfigError
from partsight.telemetry.telemetry import Telemetry
from partsight.triggers.id_report import IdReport
from partsight.triggers.part_id import plain_id
from partsight.triggers.trigger_queue import TriggerQueue

if TYPE_CHECKING:
    from partsight.config.trigger import HttpTriggerConfig

__all__ = ["http_listener"]

logger = logging.getLogger(__name__)

_LONGEST_BODY = 4096
_MOST_CONNECTIONS = 16
_READ_TIMEOUT_S = 5.0
_POLL_S = 0.1


@contextlib.contextmanager
def http_listener(
    config: HttpTriggerConfig, trigger_queue: TriggerQueue, telemetry: Telemetry
) -> Iterator[None]:
    """Put an occasion into the inbox for each request.

    Raises:
        ConfigError: the token cannot be read, or the address cannot be listened on.
    """
    token = optional_secret("token", config.token_env, config.token_file)
    try:
        server = _Server(config.host, config.port, trigger_queue, token, IdReport(telemetry))
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {config.host}:{config.port} for triggers: {error.strerror}. Choose "
            "another host or port in [trigger]."
        ) from error
    thread = threading.Thread(
        target=server.serve_forever, args=(_POLL_S,), name="trigger http", daemon=True
    )
    with server:
        thread.start()
        telemetry.state("trigger", "listening", f"http://{config.host}:{config.port}/trigger")
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Server(ThreadingHTTPServer):
    """A thread a request, of which there are only so many."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, host: str, port: int, trigger_queue: TriggerQueue, token: str | None, ids: IdReport
    ) -> None:
        self.trigger_queue, self.token, self.ids = trigger_queue, token, ids
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()  # no thread could be started
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.info("a request for a trigger from %s broke off", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "partsight", ""
    timeout = _READ_TIMEOUT_S

    def do_POST(self) -> None:
        moment = time.monotonic()
        try:
            self._check_sender()
            number = self.server.trigger_queue.put(self._part_id(), moment)
            if number is None:
                raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many triggers are waiting")
        except _Refusal as refusal:
            self._answer(refusal.status, {"error": str(refusal)})
        else:
            self._answer(HTTPStatus.ACCEPTED, {"occasion": number})

    def _check_sender(self) -> None:
        if urlsplit(self.path).path != "/trigger":
            raise _Refusal(HTTPStatus.NOT_FOUND, "expected POST /trigger")
        token = self.server.token
        if token is None:
            # A page in a browser on this device could else trigger, whoever wrote it.
            if "Origin" in self.headers:
                raise _Refusal(HTTPStatus.FORBIDDEN, "no pages: they need a token")
            return
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode()):
            raise _Refusal(HTTPStatus.UNAUTHORIZED, "expected Authorization: Bearer TOKEN")

    def _part_id(self) -> str | None:
        body = self._body()
        said = parse_qs(urlsplit(self.path).query).get("part_id")
        ids = self.server.ids
        try:
            return ids.read(said[0].encode(), _given) if said else ids.read(body)
        except ValueError as error:
            raise _Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "expected a Content-Length in bytes")
        if len(length) > 9 or int(length) > _LONGEST_BODY:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {_LONGEST_BODY} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "the body broke off")
        return body

    def _answer(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        logger.debug("%s " + format, self.address_string(), *args)  # noqa: G003


def _given(text: bytes) -> str | None:
    """Return the id that the address gives, which is a text and nothing else."""
    return plain_id(text.decode())
