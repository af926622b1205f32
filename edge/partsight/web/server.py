"""How the line is, over HTTP.

Enters: ``routes.line_routes``. Leaves: answers to whoever asks, on loopback unless the
configuration says otherwise. Nobody who asks, however slowly or often, can hold up the line:
few are answered at a time, and each has a deadline.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Mapping
from http.server import HTTPServer
from types import TracebackType
from typing import Any

from partsight.errors import ConfigError
from partsight.web.answers import HealthHandler, Route

__all__ = ["HealthServer"]

logger = logging.getLogger(__name__)

_MOST_CLIENTS = 8
_TICK_S = 0.1
_BUSY = (
    b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b'Retry-After: 1\r\nConnection: close\r\n\r\n{"error": "too many clients at a time"}\n'
)


class HealthServer:
    """Answers while the block lasts.

    Args:
        routes: path to what answers it.
        host: an address of this machine.
        port: 0 takes a free one.
        deadline_s: after so long a client that is not done is left.

    Attributes:
        port: that it listens on, within the block.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        deadline_s: float = 5.0,
    ) -> None:
        self._routes, self._host, self.port = routes, host, port
        self._deadline_s = deadline_s
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> HealthServer:
        """Listen.

        Raises:
            ConfigError: the address is not this machine's, or taken.
        """
        try:
            self._server = _Server((self._host, self.port), self._routes, self._deadline_s)
        except (OSError, OverflowError, UnicodeError) as error:
            raise ConfigError(
                f"cannot listen on {self._host}, port {self.port}: {error}. Expected an address of "
                "this machine and a free port; choose them in [health] of the configuration."
            ) from error
        self.port = self._server.server_address[1]
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(_TICK_S,), name="health", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.leave_older_than(-1.0)
            self._server.server_close()


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    """At most ``_MOST_CLIENTS`` threads, each with a deadline."""

    daemon_threads = False  # closing waits for them
    request_queue_size = 2 * _MOST_CLIENTS

    def __init__(
        self, address: tuple[str, int], routes: Mapping[str, Route], deadline_s: float
    ) -> None:
        self.routes = routes
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._clients: dict[socket.socket, float] = {}
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, HealthHandler)

    def server_bind(self) -> None:
        """Not HTTPServer's, which asks the name server who this machine is, and may wait long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread, or say that there are too many."""
        with self._lock:
            full = len(self._clients) >= _MOST_CLIENTS
            if not full:
                self._clients[request] = time.monotonic()
        if not full:
            super().process_request(request, client_address)
            return
        request.setblocking(False)
        try:
            request.send(_BUSY)
        except OSError:
            logger.debug("a client too many had left already")
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Also forget the client."""
        with self._lock:
            self._clients.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called by the server's loop at each of its turns."""
        self.leave_older_than(self._deadline_s)

    def leave_older_than(self, seconds: float) -> None:
        """End the connections that last longer: their threads then find them closed."""
        now_s = time.monotonic()
        with self._lock:
            for client, since_s in self._clients.items():
                if now_s - since_s > seconds:
                    _cut(client)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is nobody's fault; all else is ours."""
        left = isinstance(sys.exc_info()[1], OSError)
        level = logging.DEBUG if left else logging.WARNING
        logger.log(level, "somebody who asked how the line is got no answer", exc_info=True)


def _cut(client: socket.socket) -> None:
    try:
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        logger.debug("a client had left already")
