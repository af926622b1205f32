"""The configuration as a whole."""

from __future__ import annotations

from pydantic import Field

from partsight.config.journal import JournalConfig
from partsight.config.model import ModelConfig
from partsight.config.section import Section
from partsight.config.sinks import Sinks
from partsight.config.trigger import FrameTriggerConfig, TriggerConfig

__all__ = ["Config"]


class Config(Section):
    """All of it."""

    model: ModelConfig = Field(default=ModelConfig(), description="How models are run.")
    journal: JournalConfig = Field(
        default=JournalConfig(), description="Where verdicts are kept, and how long."
    )
    trigger: TriggerConfig = Field(
        default=FrameTriggerConfig(kind="frame"), description="When a part is judged."
    )
    sinks: Sinks = Field(default=(), description="Who gets the verdicts, besides the journal.")
