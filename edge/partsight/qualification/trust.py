"""Whether a model file may be run on this device: signed by whom it trusts, and sound.

Both are asked of the bytes that the runtime is then handed; no file is read again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from partsight.config.location import find_config
from partsight.model.file import ModelFile
from partsight.model.signature import PUBLIC_KEY_VARIABLE
from partsight.qualification.trial import require_sound

__all__ = ["require_signer", "require_trusted"]


def require_trusted(file: ModelFile, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a file that this device does not trust, or that its runtime does not survive.

    Args:
        file: whose digest is that of its contract.
        environ: see ``require_signer``.

    Raises:
        ModelError: see ``trial.require_sound``.
        PartsightError: see ``require_signer``.
    """
    require_signer(file, environ)
    require_sound(file)


def require_signer(file: ModelFile, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a file that is not signed by whom this device trusts, if it trusts not everyone.

    Args:
        file: whose very bytes are run.
        environ: where ``PARTSIGHT_PUBLIC_KEY`` names the public key by whose private one all
            models must be signed; if it does not, the device's configuration may.

    Raises:
        ConfigError: there is a configuration, and it cannot be read.
        EnvironmentFault: there is a key, and cryptography is missing.
        SignatureError: it is not signed by that key, or the key cannot be read.
    """
    path = _public_key(environ)
    if path is not None:
        from partsight.model.key_files import read_public_key
        from partsight.model.signature import require_signature

        require_signature(file.data, read_public_key(path), "the model")


def _public_key(environ: Mapping[str, str]) -> Path | None:
    """Of whose models are run; None: of everyone's."""
    named = environ.get(PUBLIC_KEY_VARIABLE)
    if named:
        return Path(named)
    found = find_config(environ)
    if found is None:
        return None
    from partsight.config.file import read_config

    return read_config(found).model.public_key
