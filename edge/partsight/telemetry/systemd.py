"""Notifications to systemd, sd_notify(3): READY, STATUS, WATCHDOG, RELOADING and STOPPING.

systemd sets ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` for a unit of ``Type=notify``; without them
nothing is sent. Nothing here raises or blocks: inspection does not depend on the service manager.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, MutableMapping

__all__ = ["Notifier", "watchdog_period_s"]

logger = logging.getLogger(__name__)

_SOCKET_VARIABLE = "NOTIFY_SOCKET"
_VARIABLES = (_SOCKET_VARIABLE, "WATCHDOG_USEC", "WATCHDOG_PID")
# systemd recommends half of the allowed time; with a third, one notification may be lost.
_A_PERIOD = 3


class Notifier:
    """Sends notifications to the service manager, if there is one. Only for the loop's thread.

    Args:
        address: of the datagram socket, a path or ``@name`` for an abstract one; None sends
            nothing.
        period_s: shortest time between two watchdog notifications; None without a watchdog.
        clock: seconds of CLOCK_MONOTONIC.
    """

    def __init__(
        self,
        address: str | None,
        period_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._period_s = period_s
        self._clock = clock
        self._socket: socket.socket | None = None
        self._fed_s: float | None = None
        self._status = ""
        self._unsent = ""
        self._failing = False

    @classmethod
    def from_environ(cls, environ: MutableMapping[str, str] = os.environ) -> Notifier:
        """Make a notifier from the environment, and remove the variables for child processes."""
        notifier = cls(environ.get(_SOCKET_VARIABLE) or None, watchdog_period_s(environ))
        for name in _VARIABLES:
            environ.pop(name, None)
        return notifier

    def __enter__(self) -> Notifier:
        if self._address is not None and hasattr(socket, "AF_UNIX"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        return self

    def __exit__(self, *error: object) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ready(self, status: str) -> None:
        """The line runs, or ``reloading`` has ended. The watchdog is active from here on."""
        self._unsent = f"READY=1\nSTATUS={_line(status)}"
        self.feed_watchdog()

    def status(self, status: str) -> None:
        """Set the text that 'systemctl status' shows; an unchanged text is not sent again."""
        if status != self._status and self._send(f"STATUS={_line(status)}"):
            self._status = status

    def feed_watchdog(self) -> None:
        """Report that the loop makes progress; called by the loop at every turn."""
        now_s = self._clock()
        if self._unsent and self._send(self._unsent):
            self._unsent = ""  # systemd stops a service without READY: repeat until sent
        if self._period_s is None:
            return
        if self._fed_s is None or now_s - self._fed_s >= self._period_s:
            # A failed one is sent again at the next turn.
            self._fed_s = now_s if self._send("WATCHDOG=1") else None

    def reloading(self) -> None:
        """The configuration is being read again; ``ready`` must follow."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock() * 1e6)}")

    def stopping(self, status: str) -> None:
        """The line ends."""
        self._send(f"STOPPING=1\nSTATUS={_line(status)}")

    def _send(self, message: str) -> bool:
        if self._socket is None or self._address is None:
            return False
        at = self._address
        try:
            self._socket.sendto(message.encode(), f"\0{at[1:]}" if at.startswith("@") else at)
        except OSError as error:
            if not self._failing:
                logger.warning("cannot send %r to systemd at %s: %s", message, at, error)
            self._failing = True
            return False
        self._failing = False
        return True


def watchdog_period_s(environ: Mapping[str, str]) -> float | None:
    """Return the seconds between two watchdog notifications; None if systemd expects none.

    See sd_watchdog_enabled(3): variables that belong to a parent process are ignored.
    """
    try:
        allowed_us = int(environ.get("WATCHDOG_USEC", "0"))
        watched = int(environ.get("WATCHDOG_PID") or os.getpid())
    except ValueError:
        return None
    if allowed_us <= 0 or watched != os.getpid():
        return None
    return allowed_us / 1e6 / _A_PERIOD


def _line(status: str) -> str:
    """Return a status on one line: a newline would begin another message."""
    return " ".join(status.split())
