"""Ed25519 signatures of model files, which prove their origin.

The signature is in the comment of the zip archive at the end of the file, which runtimes and unzip
ignore, so that the ``.tflite`` remains the whole delivery. It covers all bytes before the length
of the comment, the last field of the archive's end record (PKWARE's APPNOTE 4.3.16).
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

from partsight.errors import ModelError, SignatureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

__all__ = ["PUBLIC_KEY_VARIABLE", "is_signed", "require_signature", "signed"]

# Environment variable with the path of the trusted public key, see ``qualification.trust``.
PUBLIC_KEY_VARIABLE = "PARTSIGHT_PUBLIC_KEY"
# Prefix of the signed message, so that a signature of other data by the same key is not valid.
_PURPOSE = b"partsight model signature, version 1\n"
_COMMENT = re.compile(rb"partsight ed25519 ([0-9a-f]{128})")
_COMMENT_BYTES = len("partsight ed25519 ") + 128
_END = b"PK\5\6"
_END_BYTES = 22
_LENGTH_BYTES = 2


def signed(data: bytes, key: Ed25519PrivateKey, name: str) -> bytes:
    """The model file with a signature, which replaces an existing one.

    Args:
        data: the file; an empty zip archive is appended if it has none.
        key: the private key.
        name: of the file, for messages.

    Raises:
        ModelError: the archive has another comment.
    """
    body = _split(data)[0]
    if not zipfile.is_zipfile(io.BytesIO(body)):
        body = data + _END.ljust(_END_BYTES, b"\0")
    if body[-_END_BYTES:][:4] != _END or body[-_LENGTH_BYTES:] != bytes(_LENGTH_BYTES):
        raise ModelError(
            f"{name} cannot be signed: expected a zip archive without a comment at its end, "
            "received one with another tool's. Export the model again."
        )
    message = body[:-_LENGTH_BYTES]
    comment = f"partsight ed25519 {key.sign(_PURPOSE + message).hex()}".encode()
    return message + len(comment).to_bytes(_LENGTH_BYTES, "little") + comment


def is_signed(data: bytes) -> bool:
    """Whether a model has a signature, by any key."""
    return _split(data)[1] is not None


def require_signature(data: bytes, key: Ed25519PublicKey, name: str) -> None:
    """Refuse a model without a valid signature of this key.

    Args:
        data: the bytes that will be run.
        key: the trusted public key.
        name: of the file, for messages.

    Raises:
        SignatureError: it has no signature, or that of another file or key.
    """
    from cryptography.exceptions import InvalidSignature

    body, signature = _split(data)
    if signature is None:
        raise SignatureError(
            f"{name} is not signed: expected a signature of the key that is trusted here. Sign it "
            "on the machine with that key: partsight sign MODEL --key KEY"
        )
    try:
        key.verify(signature, _PURPOSE + body[:-_LENGTH_BYTES])
    except InvalidSignature as error:
        raise SignatureError(
            f"{name} was changed after it was signed, or is signed by another key than the trusted "
            "one. Copy it again from its origin."
        ) from error


def _split(data: bytes) -> tuple[bytes, bytes | None]:
    """The file without its signature, and the signature or None."""
    comment = _COMMENT.fullmatch(data[-_COMMENT_BYTES:])
    body = data[:-_COMMENT_BYTES]
    length = _COMMENT_BYTES.to_bytes(_LENGTH_BYTES, "little")
    if comment is None or body[-_END_BYTES:][:4] != _END or not body.endswith(length):
        return data, None
    return body[:-_LENGTH_BYTES] + bytes(_LENGTH_BYTES), bytes.fromhex(comment[1].decode())
