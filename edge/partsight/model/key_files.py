"""Makes and reads key files in PEM, the format of OpenSSL.

Imported only when a key is used, because that takes a tenth of a second and needs a package that a
device without keys does not have.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from pathlib import Path

from partsight.errors import OutputError, SignatureError
from partsight.utils.imports import import_fault
from partsight.utils.text_files import decode_text

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
except ImportError as error:
    raise import_fault("signing", "cryptography", "partsight[signing]", error) from error

__all__ = ["make_key_pair", "read_private_key", "read_public_key"]

_ONLY_OWNER = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_key_pair(path: Path) -> Path:
    """Make a key pair.

    Args:
        path: of the private key, which only its owner can read from the beginning.

    Returns:
        The path of the public key: ``path`` with ``.pub`` appended.

    Raises:
        OutputError: one of the files exists or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    public = path.with_name(path.name + ".pub")
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    shared = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write_new(public, shared, 0o644)
    try:
        _write_new(path, secret, _ONLY_OWNER)
    except OutputError:
        public.unlink()
        raise
    return public


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key for signing.

    Raises:
        SignatureError: it cannot be read, is not such a key, or other users can read it.
    """
    data = _read(path)
    if os.name == "posix" and path.stat().st_mode & _OTHERS:
        raise SignatureError(
            f"other users can read the private key {path}. Restrict its permissions: chmod 600 "
            f"{shlex.quote(str(path))}"
        )
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable(path, "an unencrypted private key of Ed25519 in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable(path, "a private key of Ed25519")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key for verification.

    Raises:
        SignatureError: it cannot be read or is not such a key.
    """
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unusable(path, "a public key of Ed25519 in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _unusable(path, "a public key of Ed25519")
    return key


def _read(path: Path) -> bytes:
    """The bytes of a key file; UTF-16, as Windows tools write it, is converted to UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SignatureError(
            f"cannot read the key {path}: {error.strerror or error}. Make one: partsight keygen KEY"
        ) from error
    with contextlib.suppress(ValueError):  # not a text: the caller reports that it is not PEM
        data = decode_text(data).encode()
    return data


def _unusable(path: Path, expected: str) -> SignatureError:
    return SignatureError(
        f"{path} is not the required key: expected {expected}. 'partsight keygen KEY' makes KEY, "
        "which signs, and KEY.pub, which verifies."
    )


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}. Choose a new name in a writable "
            "folder; an existing key is never replaced."
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink()
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}. Choose a folder with free space."
        ) from error
