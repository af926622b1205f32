"""What a new model must pass before it is put in force. Plain values, that travel to a process."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partsight.model.contract import Contract

if TYPE_CHECKING:
    from partsight.config.document import Config

__all__ = ["Findings", "Rules", "Settings", "rules_of", "settings_of"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a new model must pass, beside being whole, signed by whom is trusted, and sound.

    Attributes:
        labels: that it must have, in any order; None allows all.
        accept_labels: that it must accept, in any order; None allows all.
        require_golden: whether it must hold golden samples.
        challenge: the acceptance set, a folder with a sub-folder per label; None asks for none.
        min_accuracy: share of those pictures that must be right; None asks for none.
        min_recall_of_bad: share of their bad parts that must not be accepted; None asks for none.
        accept_above: the device's own threshold in place of the model's, or None.
        reject_below: the device's own threshold in place of the model's, or None.
        min_contrast: the device's own limit in place of the model's, or None.
        bit_depth: the device's own for a model that declares none, or None.
    """

    labels: tuple[str, ...] | None = None
    accept_labels: tuple[str, ...] | None = None
    require_golden: bool = True
    challenge: str | None = None
    min_accuracy: float | None = None
    min_recall_of_bad: float | None = None
    accept_above: float | None = None
    reject_below: float | None = None
    min_contrast: float | None = None
    bit_depth: int | None = None

    def like(self, contract: Contract | None) -> Rules:
        """The same, with the labels of a model."""
        if contract is None:
            return self
        accepted = contract.operating_point.accept_labels
        return dataclasses.replace(self, labels=contract.labels, accept_labels=accepted)

    def to_json(self) -> str:
        """As a process is told them."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Rules:
        """As a process was told them."""
        values = json.loads(text)
        return cls(**{key: _tuple(value) for key, value in values.items()})


@dataclass(frozen=True, slots=True)
class Findings:
    """What the examination of a model that passed came to.

    Attributes:
        golden_samples: how many were replayed.
        golden_difference: the largest of a score, between export and here; None of none.
        challenge_pictures: how many were judged.
        accuracy: share of them that are right, or None.
        recall_of_bad: share of their bad parts that are not accepted, or None.
    """

    golden_samples: int = 0
    golden_difference: float | None = None
    challenge_pictures: int = 0
    accuracy: float | None = None
    recall_of_bad: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What may change while the line runs.

    Attributes:
        rules: what a new model must pass.
        allow_other_labels: whether it may have others than the one in force.
        keep: how many models stay in the store.
        interval_s: seconds between two looks.
    """

    rules: Rules = Rules()
    allow_other_labels: bool = False
    keep: int = 5
    interval_s: float = 1.0


def rules_of(config: Config) -> Rules:
    """The rules of a configuration; ``Rules.like`` adds the labels where others are not allowed."""
    models, decision = config.models, config.decision
    challenge: Path | None = models.challenge
    return Rules(
        require_golden=models.require_golden,
        challenge=None if challenge is None else str(challenge),
        min_accuracy=models.min_accuracy,
        min_recall_of_bad=models.min_recall_of_bad,
        accept_above=decision.accept_above,
        reject_below=decision.reject_below,
        min_contrast=decision.min_contrast,
        bit_depth=config.model.bit_depth,
    )


def settings_of(config: Config) -> Settings:
    """How a line looks for new models, by its configuration."""
    models = config.models
    return Settings(rules_of(config), models.allow_other_labels, models.keep, models.interval_s)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
