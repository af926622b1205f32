"""The HTTP server of the line, used for health and metrics and for the HTTP trigger.

A slow or hostile client cannot hold up the line or other clients. The number of connections is
limited, the head of a request and the whole request each have a total deadline, and if all
connections are taken, a new client replaces one that has not sent its head yet: the oldest of the
address that has most of these. A client that has sent its head, and so its token, is not replaced;
one without a valid token is answered at once and closed.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import HTTPServer
from typing import Any

from partsight.errors import ConfigError
from partsight.web.answers import Route
from partsight.web.handler import Handler

__all__ = ["http_server"]

logger = logging.getLogger(__name__)

MAX_CLIENTS = 8
_HEAD_DEADLINE_S = 2.0
_DEADLINE_S = 5.0
_POLL_S = 0.1
# Connections that wait to be accepted; beyond it a client tries again only after a second.
_BACKLOG = 128
_BUSY = (
    b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b'Retry-After: 1\r\nConnection: close\r\n\r\n{"error": "too many clients at a time"}\n'
)


@contextmanager
def http_server(
    routes: Mapping[str, Route],
    *,
    section: str,
    host: str = "127.0.0.1",
    port: int = 0,
    max_clients: int = MAX_CLIENTS,
    deadline_s: float = _DEADLINE_S,
) -> Iterator[int]:
    """Answer requests in threads while the block is open. Yields the port.

    Args:
        routes: path to route.
        section: section of the configuration that has ``host`` and ``port``, for messages.
        host: address of this machine to listen on.
        port: TCP port; 0 for any free one.
        max_clients: largest number of connections at a time.
        deadline_s: seconds from the connection to the end of the answer; later it is closed.

    Raises:
        ConfigError: the address does not belong to this machine, or the port is taken.
    """
    try:
        server = _Server((host, port), routes, max_clients, deadline_s)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigError(
            f"cannot listen on {host}, port {port}: {error}. Expected an address of this machine "
            f"and a free port; choose them in [{section}] of the configuration."
        ) from error
    thread = threading.Thread(
        target=server.serve_forever, args=(_POLL_S,), name=f"http {section}", daemon=True
    )
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.close_all()
        server.server_close()


@dataclass(slots=True)
class _Client:
    address: str
    connected_s: float
    head_read: bool = False


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    """One thread per connection, at most ``max_clients``, each with two deadlines."""

    daemon_threads = False  # server_close waits for them

    def __init__(
        self,
        address: tuple[str, int],
        routes: Mapping[str, Route],
        max_clients: int,
        deadline_s: float,
    ) -> None:
        self.routes, self.listen_host = routes, address[0]
        self.request_queue_size = _BACKLOG
        self._max_clients, self._deadline_s = max_clients, deadline_s
        self._head_deadline_s = min(_HEAD_DEADLINE_S, deadline_s)
        self._lock = threading.Lock()
        self._clients: dict[socket.socket, _Client] = {}  # in the order of their arrival
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the host name, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, or answer that there are too many."""
        if self._admit(request, str(client_address[0])):
            super().process_request(request, client_address)
            return
        request.setblocking(False)
        try:
            request.send(_BUSY)
        except OSError:
            logger.debug("a refused client had disconnected already")
        self.shutdown_request(request)

    def _admit(self, connection: socket.socket, address: str) -> bool:
        """Take a connection in; if all are taken, close one that has sent no head yet."""
        with self._lock:
            if len(self._clients) >= self._max_clients:
                replaced = self._replaceable()
                if replaced is None:
                    return False
                del self._clients[replaced]
                _disconnect(replaced)
            self._clients[connection] = _Client(address, time.monotonic())
            return True

    def _replaceable(self) -> socket.socket | None:
        """The oldest client without a head of the address that has most of them, or None.

        One address that opens connections again and again then replaces only its own.
        """
        silent = {each: client for each, client in self._clients.items() if not client.head_read}
        if not silent:
            return None
        counts = Counter(client.address for client in silent.values())
        busiest = counts.most_common(1)[0][0]
        return next(each for each, client in silent.items() if client.address == busiest)

    def head_was_read(self, connection: socket.socket) -> None:
        """Note that a client has sent the head of its request; it keeps its place from now on."""
        with self._lock:
            if connection in self._clients:
                self._clients[connection].head_read = True

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and free its place."""
        with self._lock:
            self._clients.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Close connections past their deadline; called by the server's loop at each turn."""
        now_s = time.monotonic()
        with self._lock:
            for connection, client in self._clients.items():
                limit_s = self._deadline_s if client.head_read else self._head_deadline_s
                if now_s - client.connected_s > limit_s:
                    _disconnect(connection)

    def close_all(self) -> None:
        """Close every connection, so that the threads end."""
        with self._lock:
            for connection in self._clients:
                _disconnect(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error: a client that disconnects is normal, anything else is a warning."""
        disconnected = isinstance(sys.exc_info()[1], OSError)
        level = logging.DEBUG if disconnected else logging.WARNING
        logger.log(level, "an HTTP request got no answer", exc_info=True)


def _disconnect(connection: socket.socket) -> None:
    """End a connection; its thread then reads the end of the stream."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        logger.debug("a client had disconnected already")
