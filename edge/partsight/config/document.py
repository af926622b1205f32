"""The configuration as a whole."""

from __future__ import annotations

from pydantic import Field

from partsight.config.drift import DriftConfig
from partsight.config.health import HealthConfig
from partsight.config.model import ModelConfig
from partsight.config.section import Section

__all__ = ["Config"]


class Config(Section):
    """All of it."""

    model: ModelConfig = Field(default=ModelConfig(), description="How models are run.")
    health: HealthConfig = Field(default=HealthConfig(), description="Who may ask how the line is.")
    drift: DriftConfig = Field(
        default=DriftConfig(), description="How closely the line is watched for drift."
    )
