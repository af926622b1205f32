"""Whether a model file may run on this device: signed with the required key, and sound.

Both checks use the bytes that the runtime then gets; the file is not read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from partsight.inference.runtimes import RuntimeOptions, choose_runtime

if TYPE_CHECKING:
    from partsight.model.file import ModelFile

__all__ = ["TrustPolicy", "require_signer", "require_trusted"]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Which models this device accepts.

    Attributes:
        public_key: path of the public key that models must be signed with, or None to accept any
            model.
    """

    public_key: Path | None


def require_trusted(file: ModelFile, trust: TrustPolicy, options: RuntimeOptions) -> None:
    """Refuse a model that is not signed as required, or that crashes its runtime.

    Args:
        file: model file whose digest was checked.
        trust: key that the model must be signed with.
        options: runtime that will run the model.

    Raises:
        ModelError: see ``trial.require_sound``.
        PartsightError: see ``require_signer``.
    """
    # Imported here: the command line needs only ``TrustPolicy``, and not OpenCV.
    from partsight.qualification.trial import require_sound

    require_signer(file, trust)
    require_sound(file, choose_runtime(options.runtime))


def require_signer(file: ModelFile, trust: TrustPolicy) -> None:
    """Refuse a model that is not signed with the required key, if a key is required.

    Raises:
        EnvironmentFault: a key is required, and the package cryptography is missing.
        SignatureError: the model is not signed with the key, or the key cannot be read.
    """
    if trust.public_key is None:
        return
    from partsight.model.key_files import read_public_key
    from partsight.model.signature import require_signature

    require_signature(file.data, read_public_key(trust.public_key), "the model")
