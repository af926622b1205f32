"""The configuration as a whole."""

from __future__ import annotations

from pydantic import Field

from partsight.config.alarms import AlarmsConfig
from partsight.config.decision import DecisionConfig
from partsight.config.drift import DriftConfig
from partsight.config.health import HealthConfig
from partsight.config.journal import JournalConfig
from partsight.config.model import ModelConfig
from partsight.config.models import ModelsConfig, ShadowConfig
from partsight.config.pictures import PicturesConfig
from partsight.config.section import Section
from partsight.config.sinks import Sinks
from partsight.config.source import SourceConfig
from partsight.config.trigger import FrameTriggerConfig, TriggerConfig

__all__ = ["Config"]


class Config(Section):
    """All of it, in the order of the way from picture to verdict."""

    source: SourceConfig = Field(
        default=SourceConfig(), description="Where the line's frames come from."
    )
    trigger: TriggerConfig = Field(
        default=FrameTriggerConfig(kind="frame"), description="When a part is judged."
    )
    model: ModelConfig = Field(default=ModelConfig(), description="How models are run.")
    decision: DecisionConfig = Field(
        default=DecisionConfig(), description="How scores become verdicts."
    )
    journal: JournalConfig = Field(
        default=JournalConfig(), description="Where verdicts are kept, and how long."
    )
    sinks: Sinks = Field(default=(), description="Who gets the verdicts, besides the journal.")
    pictures: PicturesConfig = Field(
        default=PicturesConfig(), description="Which frames are kept, and for how long."
    )
    models: ModelsConfig = Field(
        default=ModelsConfig(), description="Which models this device keeps and takes."
    )
    shadow: ShadowConfig = Field(
        default=ShadowConfig(), description="A second model that judges alongside."
    )
    drift: DriftConfig = Field(
        default=DriftConfig(),
        description="How closely it is watched whether the line is still what the model knows.",
    )
    alarms: AlarmsConfig = Field(
        default=AlarmsConfig(),
        description="Alarms on rejects and faults. They need no drift reference, and act whether "
        "or not drift is watched.",
    )
    health: HealthConfig = Field(
        default=HealthConfig(), description="Who may ask how the line is, and where."
    )
