"""The configuration as a whole."""

from __future__ import annotations

from pydantic import Field

from partsight.config.decision import DecisionConfig
from partsight.config.model import ModelConfig
from partsight.config.models import ModelsConfig, ShadowConfig
from partsight.config.section import Section

__all__ = ["Config"]


class Config(Section):
    """All of it."""

    model: ModelConfig = Field(default=ModelConfig(), description="How models are run.")
    decision: DecisionConfig = Field(
        default=DecisionConfig(), description="How scores become verdicts."
    )
    models: ModelsConfig = Field(
        default=ModelsConfig(), description="Which models this device keeps and takes."
    )
    shadow: ShadowConfig = Field(
        default=ShadowConfig(), description="A second model that judges alongside."
    )
