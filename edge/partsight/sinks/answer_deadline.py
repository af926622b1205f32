"""A limit on the whole time of an HTTP exchange.

Timeouts of sockets begin anew with each byte, so that a server that drips an answer would hold a
sink for hours, during which its state stays the one of the last delivery.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager

__all__ = ["AnswerDeadline"]


class AnswerDeadline:
    """Cuts the newest connection of a pool when an exchange takes too long.

    Attributes:
        passed: whether the latest exchange was cut.
    """

    def __init__(self, pool: PoolManager) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        pool.pool_classes_by_scheme = {
            "http": _noting(HTTPConnectionPool, self),
            "https": _noting(HTTPSConnectionPool, self),
        }

    @contextlib.contextmanager
    def within(self, limit_s: float) -> Iterator[None]:
        """Cut the connection if the body of this context takes longer."""
        self.passed = False
        timer = threading.Timer(limit_s, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def note(self, connected: socket.socket) -> None:
        """Remember the connection that is to be cut."""
        self._socket = connected

    def _cut(self) -> None:
        self.passed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Of the plain socket: the one of TLS would wait for the other end.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _noting(pool_class: Any, deadline: AnswerDeadline) -> Any:
    """A class of pools whose connections note their sockets."""

    class Connection(pool_class.ConnectionCls):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            deadline.note(self.sock)

    class Pool(pool_class):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool
