"""A server on loopback that answers one byte at a time, each within any timeout."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterable, Iterator

from tests.servers.process import DEADLINE_S

__all__ = ["TLS_RECORD", "run_dripping_server"]

_PAUSE_S = 0.02
# Header of a handshake record of 16 KiB: the peer waits for its end.
TLS_RECORD = bytes.fromhex("1603034000")


@contextlib.contextmanager
def run_dripping_server(start: bytes, drips: bytes = b"\0") -> Iterator[int]:
    """Answer the first bytes of each connection with ``start``, then ``drips`` in a circle."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while not ended.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(start)
                        _drip(connection, itertools.cycle(drips), ended)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_S)


def _drip(connection: socket.socket, drips: Iterable[int], ended: threading.Event) -> None:
    for byte in drips:
        if ended.wait(_PAUSE_S):
            return
        connection.sendall(bytes([byte]))
