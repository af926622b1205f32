"""Settings for training the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "BALANCES",
    "KEEP_BEST",
    "OPTIMIZERS",
    "SCHEDULES",
    "Balance",
    "HeadSettings",
    "KeepBest",
    "OptimizerName",
    "Schedule",
]

Balance = Literal["none", "class-weights", "sampling"]
KeepBest = Literal["loss", "accuracy", "auc", "precision-at-recall", "recall-at-precision"]
OptimizerName = Literal["lbfgs", "adam", "sgd"]
Schedule = Literal["constant", "cosine"]
BALANCES: tuple[Balance, ...] = get_args(Balance)
KEEP_BEST: tuple[KeepBest, ...] = get_args(KeepBest)
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """Settings for training the head.

    L-BFGS uses ``l2``, ``label_smoothing``, ``balance``, ``scale_features``, ``steps`` (as its
    number of iterations) and ``seed``; the others are for Adam and SGD.

    Attributes:
        optimizer: L-BFGS, which converges to the minimum; or Adam or SGD.
        learning_rate: highest learning rate.
        momentum: momentum of SGD.
        schedule: constant learning rate, or half a cosine down to zero over all steps.
        warmup_steps: steps over which the learning rate rises from zero.
        epochs: maximum passes over the training images.
        steps: maximum steps; None uses ``epochs``.
        eval_interval: steps between two validations; None validates once per epoch.
        patience: validations without improvement before training stops; None never stops early.
        keep_best: validation metric for early stopping and for the weights that are kept.
        keep_best_at: recall or precision at which ``keep_best`` is measured, if it needs one.
        batch_size: images per step.
        validation_batch_size: images per validation, drawn at random; None uses all.
        balance: compensation for labels with unequal numbers of images.
        dropout: share of the features that each step leaves out.
        l1, l2: weights of the sums of the kernel's magnitudes and squares in the loss.
        label_smoothing: share of the probability that is spread over all labels.
        scale_features: train on standardized features; the scaling is then folded into the head.
        checkpoint_interval: steps between two checkpoints of the head; None writes none.
        seed: seed of initial weights, image order, random choices of images (test, validation,
            calibration) and augmentation in fine-tuning; copies of images do not depend on it.

    Raises:
        ValueError: a choice that L-BFGS does not support.
    """

    optimizer: OptimizerName = "lbfgs"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    schedule: Schedule = "constant"
    warmup_steps: int = 0
    epochs: int = 300
    steps: int | None = None
    eval_interval: int | None = None
    patience: int | None = 20
    keep_best: KeepBest = "loss"
    keep_best_at: float = 0.99
    batch_size: int = 100
    validation_batch_size: int | None = None
    balance: Balance = "none"
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 3e-3
    label_smoothing: float = 0.0
    scale_features: bool = True
    checkpoint_interval: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer == "lbfgs" and (self.l1 or self.dropout or self.keep_best != "loss"):
            raise ValueError(
                "the optimizer lbfgs minimizes a smooth loss: it supports no --l1, no --dropout "
                f"and no --monitor but loss. Received: l1 {self.l1:g}, dropout {self.dropout:g}, "
                f"monitor {self.keep_best}. Choose --optimizer adam or sgd, or leave these "
                "options out."
            )
