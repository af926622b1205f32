"""``[model]``: how models are run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from partsight.config.section import Place, Section
from partsight.image.spec import MAX_BIT_DEPTH, MIN_BIT_DEPTH

__all__ = ["ModelConfig"]


class ModelConfig(Section):
    """How models are run."""

    runtime: Literal["litert", "tflite-runtime"] | None = Field(
        default=None,
        description="The TFLite runtime; the preferred one of those installed if left out.",
    )
    threads: PositiveInt | None = Field(
        default=None, description="Threads that the runtime may use for a picture; 1 if left out."
    )
    bit_depth: int | None = Field(
        default=None,
        ge=MIN_BIT_DEPTH,
        le=MAX_BIT_DEPTH,
        description="Significant bits of image files with 16 bits per sample, for a model that "
        "declares none; without it, files with fewer than 16 are not inspected.",
    )
    public_key: Place | None = Field(
        default=None,
        description="Only models signed by this key's owner are run, see 'partsight keygen'. "
        "A relative path starts at the configuration file.",
    )
