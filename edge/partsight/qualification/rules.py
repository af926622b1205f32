"""Rules that a new model must pass before it is activated, and the findings of its examination."""

from __future__ import annotations

from dataclasses import dataclass

from partsight.config.decision import DecisionConfig
from partsight.config.document import Config
from partsight.config.models import ModelsConfig
from partsight.config.section import Section
from partsight.inference.runtimes import RuntimeOptions
from partsight.model.contract import Contract
from partsight.qualification.trust import TrustPolicy

__all__ = ["ExaminationRequest", "Findings", "Rules"]


class Rules(Section):
    """Rules for a new model, besides those for every model: complete, signed as required, sound.

    Attributes:
        models: golden samples, acceptance set and scores that it must reach.
        decision: thresholds of the device, which replace those of the model.
        bit_depth: bit depth of image files for a model that declares none, or None.
        labels: labels that the model must have, in any order, or None for any.
        accept_labels: labels of good parts that it must have, in any order, or None for any.
    """

    models: ModelsConfig = ModelsConfig()
    decision: DecisionConfig = DecisionConfig()
    bit_depth: int | None = None
    labels: tuple[str, ...] | None = None
    accept_labels: tuple[str, ...] | None = None

    @classmethod
    def of(cls, config: Config) -> Rules:
        """Return the rules of a configuration, for any labels; see ``for_model``."""
        return cls(models=config.models, decision=config.decision, bit_depth=config.model.bit_depth)

    def for_model(self, active: Contract | None) -> Rules:
        """Return the rules for a model that is to replace the active one, if there is one."""
        if active is None or self.models.allow_other_labels:
            return self
        accepted = active.operating_point.accept_labels
        return self.model_copy(update={"labels": active.labels, "accept_labels": accepted})


class ExaminationRequest(Section):
    """Argument of the process that examines a model."""

    rules: Rules
    runtime: RuntimeOptions
    trust: TrustPolicy


@dataclass(frozen=True, slots=True)
class Findings:
    """Result of the examination of a model that passed.

    Attributes:
        golden_samples: number of golden samples that were replayed.
        golden_difference: largest difference of a score between export and this machine, or None
            without golden samples.
        challenge_pictures: number of images of the acceptance set that were classified.
        accuracy: share of these images with the right label, or None.
        recall_of_bad: share of the bad parts among them that were not accepted, or None.
    """

    golden_samples: int = 0
    golden_difference: float | None = None
    challenge_pictures: int = 0
    accuracy: float | None = None
    recall_of_bad: float | None = None
