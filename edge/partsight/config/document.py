"""The configuration as a whole."""

from __future__ import annotations

from pydantic import Field

from partsight.config.model import ModelConfig
from partsight.config.pictures import PicturesConfig
from partsight.config.section import Section
from partsight.config.source import SourceConfig

__all__ = ["Config"]


class Config(Section):
    """All of it."""

    model: ModelConfig = Field(default=ModelConfig(), description="How models are run.")
    source: SourceConfig = Field(
        default=SourceConfig(), description="Where the line's frames come from."
    )
    pictures: PicturesConfig = Field(
        default=PicturesConfig(), description="Which frames are kept, and for how long."
    )
