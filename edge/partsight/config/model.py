"""``[model]``: how models are run."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from partsight.config.section import ConfigPath, Section, key
from partsight.image.spec import MAX_BIT_DEPTH, MIN_BIT_DEPTH

__all__ = ["ModelConfig"]


class ModelConfig(Section):
    """How models are run."""

    runtime: Literal["litert", "tflite-runtime"] | None = key(
        None, "TFLite runtime. Default: the preferred one of those installed."
    )
    threads: PositiveInt | None = key(None, "Threads of the runtime for one image. Default: 1.")
    bit_depth: int | None = key(
        None,
        "Significant bits of image files with 16 bits per sample, for a model that declares none. "
        "Default: files with fewer than 16 are not inspected.",
        ge=MIN_BIT_DEPTH,
        le=MAX_BIT_DEPTH,
    )
    public_key: ConfigPath | None = key(
        None,
        "Public key that models must be signed with, see 'partsight model keygen'. Default: any "
        "model is run.",
    )
