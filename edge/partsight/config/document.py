"""The configuration as a whole."""

from __future__ import annotations

from pydantic import Field

from partsight.config.model import ModelConfig
from partsight.config.pictures import PicturesConfig
from partsight.config.section import Section

__all__ = ["Config"]


class Config(Section):
    """All of it."""

    model: ModelConfig = Field(default=ModelConfig(), description="How models are run.")
    pictures: PicturesConfig = Field(
        default=PicturesConfig(), description="Which frames are kept, and for how long."
    )
