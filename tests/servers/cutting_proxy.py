"""A TCP proxy on loopback that ends a connection in the middle of an exchange."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Literal

from tests.servers.process import DEADLINE_S

__all__ = ["Cut", "CuttingProxy", "run_cutting_proxy"]

Cut = Literal["request", "answer"]


class CuttingProxy:
    """Passes one request and its answer at a time.

    Attributes:
        port: of the proxy.
        cuts: by number of the request, counted from 1 over all connections, the lost side of it:
            the request itself, or only its answer. The connection ends then.
        requests: so far.
    """

    def __init__(self, target: int) -> None:
        self.cuts: dict[int, Cut] = {}
        self.requests = 0
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def end(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE_S)
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                with client, socket.create_connection(("127.0.0.1", self._target)) as server:
                    self._pass(client, server)

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        while request := client.recv(4096):
            self.requests += 1
            cut = self.cuts.get(self.requests)
            if cut == "request":
                return
            server.sendall(request)
            answer = server.recv(4096)
            if cut == "answer":
                return
            client.sendall(answer)


@contextlib.contextmanager
def run_cutting_proxy(target: int) -> Iterator[CuttingProxy]:
    """A proxy to a port of loopback, which ends with the block."""
    proxy = CuttingProxy(target)
    try:
        yield proxy
    finally:
        proxy.end()
