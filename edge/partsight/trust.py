"""Whether a model file may be run on this device: signed by whom it trusts, and sound.

Both are asked of the bytes that the runtime is then handed; no file is read again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from partsight.model_file import ModelFile
from partsight.trial import require_sound

__all__ = ["PUBLIC_KEY_VARIABLE", "require_trusted"]

PUBLIC_KEY_VARIABLE = "PARTSIGHT_PUBLIC_KEY"


def require_trusted(file: ModelFile, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a file that this device does not trust, or that its runtime does not survive.

    Args:
        file: whose digest is that of its contract.
        environ: where ``PARTSIGHT_PUBLIC_KEY``, if it is set, names the public key by whose
            private one all models must be signed.

    Raises:
        EnvironmentFault: no TFLite runtime, or the key is set and cryptography is missing.
        ModelError: see ``trial.require_sound``.
        SignatureError: it is not signed by that key, or the key cannot be read.
    """
    key_path = environ.get(PUBLIC_KEY_VARIABLE)
    if key_path:
        from partsight.key_files import read_public_key
        from partsight.signature import require_signature

        require_signature(file.data, read_public_key(Path(key_path)), "the model")
    require_sound(file)
