"""``[model]``: how models are run."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from partsight.config.section import Place, Section, key

__all__ = ["ModelConfig"]


class ModelConfig(Section):
    """How models are run."""

    runtime: Literal["litert", "tflite-runtime"] | None = key(
        None, "TFLite runtime. Default: the preferred one of those installed."
    )
    threads: PositiveInt | None = key(None, "Threads of the runtime for one image. Default: 1.")
    public_key: Place | None = key(
        None,
        "Public key that models must be signed with, see 'partsight model keygen'. Default: any "
        "model is run.",
    )
