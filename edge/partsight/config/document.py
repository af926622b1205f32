"""The configuration as a whole."""

from __future__ import annotations

from partsight.config.alarms import AlarmsConfig
from partsight.config.decision import DecisionConfig
from partsight.config.drift import DriftConfig
from partsight.config.health import HealthConfig
from partsight.config.journal import JournalConfig
from partsight.config.model import ModelConfig
from partsight.config.models import ModelsConfig, ShadowConfig
from partsight.config.pictures import PicturesConfig
from partsight.config.section import Section, key
from partsight.config.sinks import Sinks
from partsight.config.source import SourceConfig
from partsight.config.trigger import FrameTriggerConfig, TriggerConfig

__all__ = ["Config"]


class Config(Section):
    """The whole configuration, in the order from image to verdict."""

    source: SourceConfig = key(SourceConfig(), "Where frames come from.")
    trigger: TriggerConfig = key(FrameTriggerConfig(kind="frame"), "When a part is inspected.")
    model: ModelConfig = key(ModelConfig(), "How models are run.")
    decision: DecisionConfig = key(DecisionConfig(), "How scores become verdicts.")
    journal: JournalConfig = key(JournalConfig(), "The record of verdicts.")
    sinks: Sinks = key((), "Receivers of verdicts, in addition to the journal.")
    pictures: PicturesConfig = key(PicturesConfig(), "The frames that are kept.")
    models: ModelsConfig = key(ModelsConfig(), "Models that this device keeps and activates.")
    shadow: ShadowConfig = key(ShadowConfig(), "A second model without influence on the verdict.")
    drift: DriftConfig = key(DriftConfig(), "Watch over differences between the line and training.")
    alarms: AlarmsConfig = key(
        AlarmsConfig(),
        "Alarms on rejects and faults. They need no drift reference and do not depend on drift.",
    )
    health: HealthConfig = key(HealthConfig(), "HTTP server that reports the state of the line.")
