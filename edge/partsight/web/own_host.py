"""Whether a request was sent to this device by a name of its own.

A web page can give its own host name the address of this device (DNS rebinding); a browser then
lets the page read the answers. Such a request has the page's name in its ``Host`` field.
"""

from __future__ import annotations

import ipaddress
import socket
from http import HTTPStatus

from partsight.web.answers import Refusal

__all__ = ["require_own_host"]


def require_own_host(field: str | None, configured: str) -> None:
    """Refuse a request to a name that is not this device's own.

    Args:
        field: ``Host`` field of the request; programs that send none are no browsers.
        configured: address or name that the server listens on.

    Raises:
        Refusal: the name is neither an IP address, ``localhost``, ``configured``, nor the name of
            this machine, alone or followed by ``.local``.
    """
    if field is None:
        return
    name = _name(field)
    machine = socket.gethostname().lower().rstrip(".")
    own = {"localhost", configured.lower().rstrip("."), machine, f"{machine}.local"}
    if name in own or _is_address(name):
        return
    raise Refusal(
        HTTPStatus.MISDIRECTED_REQUEST,
        "expected an IP address of this device, localhost, or its host name in the address",
    )


def _name(field: str) -> str:
    """The name or address in a ``Host`` field, without port, brackets and final dot."""
    text = field.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
