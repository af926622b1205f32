"""Who made a model: an Ed25519 signature in the file itself.

A digest tells damage; a signature tells whose file it is. It lies in the comment of the zip
archive at the file's end, where runtimes and unzip do not look, so that the ``.tflite`` stays
the whole delivery. Signed are all bytes before the comment's length, which stands last in the
archive's end record (PKWARE's APPNOTE 4.3.16). Pure: from bytes to bytes.
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

__all__ = ["is_signed", "require_signature", "signed"]

# A signature of anything else by the same key is none of a model.
_PURPOSE = b"partsight model signature, version 1\n"
_COMMENT = re.compile(rb"partsight ed25519 ([0-9a-f]{128})")
_COMMENT_BYTES = len("partsight ed25519 ") + 128
_END = b"PK\5\6"
_END_BYTES = 22
_LENGTH_BYTES = 2


def signed(data: bytes, key: Ed25519PrivateKey, name: str) -> bytes:
    """A model with a signature, in the place of any that it had.

    Args:
        data: the file; one without a zip archive gets an empty one.
        key: whose signature it gets.
        name: of the file, for messages.

    Raises:
        ModelError: the archive's comment is taken.
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
    """Whether a model carries a signature, by whomever."""
    return _split(data)[1] is not None


def require_signature(data: bytes, key: Ed25519PublicKey, name: str) -> None:
    """Refuse a model that the owner of a key did not sign.

    Args:
        data: the very bytes that will be run.
        key: of whose files are trusted.
        name: of the file, for messages.

    Raises:
        SignatureError: it carries no signature, or that of another file or key.
    """
    from cryptography.exceptions import InvalidSignature

    body, signature = _split(data)
    if signature is None:
        raise SignatureError(
            f"{name} is not signed: expected a signature of the key that is trusted here. Sign it "
            "where that key is: partsight sign MODEL --key KEY"
        )
    try:
        key.verify(signature, _PURPOSE + body[:-_LENGTH_BYTES])
    except InvalidSignature as error:
        raise SignatureError(
            f"{name} was changed since it was signed, or signed by another key than is trusted "
            "here. Copy it again from where it was signed."
        ) from error


def _split(data: bytes) -> tuple[bytes, bytes | None]:
    """The file as it was before it was signed, and the signature."""
    comment = _COMMENT.fullmatch(data[-_COMMENT_BYTES:])
    body = data[:-_COMMENT_BYTES]
    length = _COMMENT_BYTES.to_bytes(_LENGTH_BYTES, "little")
    if comment is None or body[-_END_BYTES:][:4] != _END or not body.endswith(length):
        return data, None
    return body[:-_LENGTH_BYTES] + bytes(_LENGTH_BYTES), bytes.fromhex(comment[1].decode())
