"""How a webhook's requests are signed, and how who receives them verifies that.

Only the standard library, so that a receiver may copy this file.
"""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["SIGNATURE_HEADER", "sign", "verify"]

SIGNATURE_HEADER = "X-Partsight-Signature"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The header's value, ``t=TIMESTAMP,v1=HEX``: HMAC-SHA256 over ``TIMESTAMP.BODY``.

    Args:
        secret: what sender and receiver share.
        timestamp: Unix seconds of the request, so that a recorded one is worth nothing later.
        body: of the request.
    """
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def verify(secret: str, header: str, body: bytes, now: float, tolerance_s: float = 300.0) -> bool:
    """Whether a request comes from who knows the secret, unchanged and within the tolerance.

    Args:
        secret: what sender and receiver share.
        header: the value of ``X-Partsight-Signature``; anything at all.
        body: as it was received, before it is parsed.
        now: Unix seconds.
        tolerance_s: how far the two clocks may differ.
    """
    timestamp = header.partition(",")[0].removeprefix("t=")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 20):
        return False
    expected = sign(secret, int(timestamp), body)
    same = hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))
    return same and abs(now - int(timestamp)) <= tolerance_s
