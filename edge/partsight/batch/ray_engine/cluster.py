"""The only import of Ray, and the connection to a cluster."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any

from partsight.errors import SourceError
from partsight.utils.imports import import_fault
from partsight.utils.native_output import suppressed_stderr
from partsight.utils.redaction import redact_address, redact_text

__all__ = ["connected", "imported", "pinned_here"]

# Ray itself retries for minutes and fills the screen with messages.
_CONNECT_S = 5.0
# The first bytes of an HTTP/2 (gRPC) client (RFC 9113, 3.4): preface and empty settings.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS = 4
_AUTO = "auto"


def imported() -> Any:
    """The module ``ray``, with ``ray.data``.

    Raises:
        EnvironmentFault: it is not installed.
    """
    # No usage statistics are sent.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Its warnings would appear on the user's screen; errors are raised anyway.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        ray = importlib.import_module("ray")
        importlib.import_module("ray.data")
    except ImportError as error:
        raise import_fault("the Ray engine", "ray", "partsight[ray]", error) from error
    return ray


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster until the block ends.

    Args:
        address: ``HOST:PORT`` of its head, or ``auto`` for the cluster that includes this machine.
            None uses ``RAY_ADDRESS``, or starts a cluster on this machine.

    Raises:
        EnvironmentFault: Ray is not installed.
        SourceError: the cluster cannot be reached.
    """
    ray = imported()
    if ray.is_initialized():  # by the caller, who also shuts it down
        yield ray
        return
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address not in (None, _AUTO, "local"):
        _require_head(address)
    try:
        with suppressed_stderr():  # Ray prints a message even with its log switched off
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR)
    except (ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
        raise _unreachable(address or "on this machine", error) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def pinned_here(ray: Any) -> Any:
    """The scheduling strategy for actors that must live as long as the driver: on its machine."""
    strategies = importlib.import_module("ray.util.scheduling_strategies")
    node_id = ray.get_runtime_context().get_node_id()
    return strategies.NodeAffinitySchedulingStrategy(node_id, soft=False)


def _require_head(address: str) -> None:
    """Check that the head of a cluster answers at this address."""
    host, _, port = address.rpartition(":")
    try:
        if not host or "/" in address:
            raise ValueError("not HOST:PORT")
        with socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S) as connection:
            connection.sendall(_GREETING)
            answer = connection.recv(9, socket.MSG_WAITALL)
        if len(answer) < 9 or answer[3] != _SETTINGS:
            raise ValueError("an answer of another program; Ray's dashboard has another port")
    except (OSError, ValueError, OverflowError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> SourceError:
    return SourceError(
        f"no Ray cluster at {redact_address(address)}: expected HOST:PORT of a running head, or "
        f"auto, received: {redact_text(str(error))}. Start one with 'ray start --head "
        "--port=6379' and check 'ray status'; if the cluster requires a token, set "
        "RAY_AUTH_MODE=token."
    )
