"""Signature of a webhook's requests, and its verification by the receiver.

Uses only the standard library, so that receivers may copy this file.
"""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["SIGNATURE_HEADER", "sign", "verify"]

SIGNATURE_HEADER = "X-Partsight-Signature"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the header's value, ``t=TIMESTAMP,v1=HEX``: HMAC-SHA256 over ``TIMESTAMP.BODY``.

    Args:
        secret: shared by sender and receiver.
        timestamp: Unix seconds of the request, so that a recorded request is not valid later.
        body: of the request.
    """
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def verify(secret: str, header: str, body: bytes, now: float, tolerance_s: float = 300.0) -> bool:
    """Return whether a request is unchanged, recent, and from a sender that knows the secret.

    Args:
        secret: shared by sender and receiver.
        header: value of ``X-Partsight-Signature``; may be any text.
        body: as received, before parsing.
        now: Unix seconds.
        tolerance_s: largest difference between the two clocks, in seconds.
    """
    timestamp = header.partition(",")[0].removeprefix("t=")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 20):
        return False
    expected = sign(secret, int(timestamp), body)
    same = hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))
    return same and abs(now - int(timestamp)) <= tolerance_s
