"""Limits the total time of an HTTP exchange.

The timeout of a socket restarts with each byte, so a server that answers one byte at a time could
block a sink for hours without any change of its state.
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
    """Closes the newest connection of a pool if an exchange takes too long.

    Attributes:
        passed: whether the latest exchange exceeded its deadline.
    """

    def __init__(self, pool: PoolManager) -> None:
        self.passed = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        pool.pool_classes_by_scheme = {
            "http": _noting(HTTPConnectionPool, self),
            "https": _noting(HTTPSConnectionPool, self),
        }

    @contextlib.contextmanager
    def within(self, limit_s: float) -> Iterator[None]:
        """Close the connection if the body of this context takes longer."""
        self.passed = False
        timer = threading.Timer(limit_s, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def note(self, connected: socket.socket) -> None:
        """Remember the connection to close; close it now if connecting took too long."""
        with self._lock:
            self._socket = connected
            if self.passed:
                _shut_down(connected)

    def cut(self) -> None:
        """Close the connection now."""
        with self._lock:
            self.passed = True
            if self._socket is not None:
                _shut_down(self._socket)


def _shut_down(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Shut down the plain socket: the TLS socket would wait for the other end.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _noting(pool_class: Any, deadline: AnswerDeadline) -> Any:
    """Return a class of pools whose connections report their sockets to ``deadline``."""

    class Connection(pool_class.ConnectionCls):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            deadline.note(self.sock)

    class Pool(pool_class):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool
