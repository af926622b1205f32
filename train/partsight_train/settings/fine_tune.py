"""Settings for fine-tuning the backbone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "DISTRIBUTIONS",
    "FINE_TUNED_PARTS",
    "Distribution",
    "FineTuneSettings",
    "FineTunedPart",
]

FineTunedPart = Literal["none", "top", "all"]
Distribution = Literal["none", "mirrored", "multi-worker"]
DISTRIBUTIONS: tuple[Distribution, ...] = get_args(Distribution)
FINE_TUNED_PARTS: tuple[FineTunedPart, ...] = get_args(FineTunedPart)


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """Settings for fine-tuning the backbone after the head is trained.

    Attributes:
        fine_tune: layers to train: none, the upper ones, or all.
        fine_tune_epochs: passes over the training images.
        fine_tune_learning_rate: highest learning rate of Adam; half a cosine down to zero.
        fine_tune_batch_size: images per step.
        mixed_precision: use float16 arithmetic on a GPU that supports it.
        distribute: train on all GPUs of this machine, or on several machines.
    """

    fine_tune: FineTunedPart = "none"
    fine_tune_epochs: int = 10
    fine_tune_learning_rate: float = 2e-5
    fine_tune_batch_size: int = 16
    mixed_precision: bool = False
    distribute: Distribution = "none"
