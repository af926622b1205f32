"""What all real servers of the tests share: free ports, and waits that end."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable

import pytest

__all__ = ["DEADLINE_S", "find_program", "free_port", "listening", "until"]

# Generous: it bounds a wait that is to end much sooner, also on a busy machine.
DEADLINE_S = 30.0
_PAUSE_S = 0.01


def find_program(name: str, package: str) -> str:
    """Where a server's program is; without it the test is skipped, or fails where CI says so."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        reason = f"{name} is not installed; on Debian and Ubuntu: apt-get install {package}"
        if os.environ.get("PARTSIGHT_REQUIRE_SERVERS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something holds; fail the test where it does not in ``DEADLINE_S``."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {DEADLINE_S} s in vain: {what}")
        time.sleep(_PAUSE_S)
