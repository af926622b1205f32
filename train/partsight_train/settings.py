"""What may be chosen about a training run."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["DEFAULT_BACKBONE", "HeadSettings", "TrainSettings"]

DEFAULT_BACKBONE = "efficientnet-lite0"


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How the head is trained.

    Attributes:
        epochs: at most so many passes over the training pictures.
        patience: stop after so many epochs without a lower validation loss.
        batch_size: pictures a step.
        learning_rate: of Adam, on centred and scaled features.
        l2: weight of the squared kernel in the loss.
        seed: of the initial weights and the order of the pictures.
    """

    epochs: int = 300
    patience: int = 20
    batch_size: int = 100
    learning_rate: float = 1e-3
    l2: float = 3e-3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What may be chosen about a training run.

    Attributes:
        backbone: as ``open_backbone`` takes it.
        image_size: pixels a side; None takes the module's own.
        validation_share: share of the pictures to stop and to choose thresholds by.
        test_share: share of the pictures to measure on.
        accept_labels: the labels of good parts; empty takes those with a good name.
        target_recall: share of bad parts to be kept from acceptance.
        calibration: at most so many training pictures set the ranges of int8.
        head: see ``HeadSettings``.
    """

    backbone: str = DEFAULT_BACKBONE
    image_size: int | None = None
    validation_share: float = 0.1
    test_share: float = 0.1
    accept_labels: tuple[str, ...] = ()
    target_recall: float = 0.99
    calibration: int = 200
    head: HeadSettings = field(default_factory=HeadSettings)
