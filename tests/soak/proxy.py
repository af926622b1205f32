"""A connection to a receiver that can be made slow, silent or broken while it is open."""

from __future__ import annotations

import contextlib
import random
import secrets
import socket
import threading
import time

__all__ = ["MODES", "Proxy"]

# ``refuse`` closes each connection; ``hang`` forwards nothing; ``drip`` forwards answers byte by
# byte; ``cut`` closes after some hundred bytes of requests, so within a batch; ``nonsense``
# replaces answers by random bytes.
MODES = ("refuse", "hang", "drip", "cut", "nonsense")
_DRIP_S = 0.2


class Proxy:
    """Forwards a port of loopback to another one.

    Attributes:
        mode: ``pass`` or one of ``MODES``.
    """

    def __init__(self, target: int, seed: int) -> None:
        self.mode = "pass"
        self._target, self._random = target, random.Random(seed)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._ended = False
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def end(self) -> None:
        self._ended = True
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.close_all()

    def close_all(self) -> None:
        """End all connections."""
        for each in list(self._open):
            self._close(each)

    def _accept(self) -> None:
        while not self._ended:
            try:
                client = self._server.accept()[0]
            except OSError:
                return
            try:
                if self.mode == "refuse":
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            self._open |= {client, server}
            for source, sink, answers in ((client, server, False), (server, client, True)):
                arguments = (source, sink, answers)
                threading.Thread(target=self._forward, args=arguments, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        left = self._random.randrange(20, 900)
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                while self.mode == "hang" and not self._ended:
                    time.sleep(0.05)
                if self.mode == "refuse":
                    break
                if self.mode == "cut" and not answers:
                    sink.sendall(data[:left])
                    left -= len(data)
                    if left <= 0:
                        break
                    continue
                self._send(sink, data, answers)
        self._close(source)
        self._close(sink)

    def _send(self, sink: socket.socket, data: bytes, answers: bool) -> None:
        if not answers or self.mode not in ("drip", "nonsense"):
            sink.sendall(data)
            return
        if self.mode == "nonsense":
            sink.sendall(secrets.token_bytes(len(data)))
            return
        for place in range(len(data)):
            if self.mode != "drip":
                sink.sendall(data[place:])
                return
            sink.sendall(data[place : place + 1])
            time.sleep(_DRIP_S)

    def _close(self, each: socket.socket) -> None:
        self._open.discard(each)
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
