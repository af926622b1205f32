"""All settings of a training run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from partsight.image.spec import Fit
from partsight_train.settings.augment import AugmentSettings
from partsight_train.settings.card import CardSettings
from partsight_train.settings.fine_tune import FineTuneSettings
from partsight_train.settings.head import HeadSettings

__all__ = ["DEFAULT_BACKBONE", "VIEWS", "TrainSettings"]

DEFAULT_BACKBONE = "efficientnet-lite0"
VIEWS = (1, 2, 4, 8)

# Names that TensorFlow's graphs allow.
_LAYER_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """All settings of a training run.

    Attributes:
        backbone: handle for ``open_backbone``.
        image_size: side of the network's input in pixels; None uses the backbone's own.
        fit, roi: see ``PreprocessSpec``.
        bit_depth: significant bits of files with 16 bits per sample; None uses the declared
            depth, or the largest sample of all files.
        views: test-time augmentation: number of mirrored and turned views of each image whose
            features are averaged: 1, 2, 4 or 8.
        tiles: rows and columns that an image is cut into; the worst tile decides.
        validation_share: share of the parts, in (0, 1), for early stopping and for choosing
            thresholds.
        test_share: share of the parts, in (0, 1), that are used for measurement only.
        group_near_duplicates: keep nearly identical images in one split and one fold.
        test_batch_size: maximum test images, drawn at random; None uses all.
        accept_labels: labels of good parts; empty uses the labels with a known good name.
        target_recall: share of bad parts that must not be accepted, in (0, 1].
        cost_escape: cost of an accepted bad part, in any unit; with ``cost_false_reject`` it
            replaces ``target_recall``.
        cost_false_reject: cost of a good part that is not accepted, in the same unit.
        defect_rate: share of bad parts on the line, in (0, 1); None uses the share in the
            validation split.
        min_contrast: grey levels, 0 to 255; an image with less contrast is never accepted.
            0 is off; None chooses it from the good images, see ``operating_point.contrast_limit``.
        calibration: maximum training images for the value ranges of int8.
        quantization_aware: fit the head also to the features of the int8 backbone.
        output_name: name of the SavedModel's output.
        assert_accuracy_at_least: lowest test accuracy of a file that is delivered, in (0, 1]; None
            for any.
        cross_validate: number of folds of a cross-validation before training; None skips it.
        head, augment, fine_tune, card: see their classes.

    Raises:
        ValueError: a value out of range, or choices that exclude each other.
    """

    backbone: str = DEFAULT_BACKBONE
    image_size: int | None = None
    fit: Fit = "stretch"
    roi: tuple[float, float, float, float] | None = None
    bit_depth: int | None = None
    views: int = 1
    tiles: tuple[int, int] = (1, 1)
    validation_share: float = 0.1
    test_share: float = 0.1
    group_near_duplicates: bool = False
    test_batch_size: int | None = None
    accept_labels: tuple[str, ...] = ()
    target_recall: float = 0.99
    cost_escape: float | None = None
    cost_false_reject: float | None = None
    defect_rate: float | None = None
    min_contrast: float | None = None
    calibration: int = 200
    quantization_aware: bool = True
    output_name: str = "head"
    assert_accuracy_at_least: float | None = None
    cross_validate: int | None = None
    head: HeadSettings = field(default_factory=HeadSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    fine_tune: FineTuneSettings = field(default_factory=FineTuneSettings)
    card: CardSettings = field(default_factory=CardSettings)

    def __post_init__(self) -> None:
        if self.validation_share + self.test_share >= 1:
            raise ValueError(
                "the validation share and the test share leave nothing to train on. "
                f"Received: {self.validation_share} and {self.test_share}. Lower one of them."
            )
        if not _LAYER_NAME.fullmatch(self.output_name):
            raise ValueError(
                "the output's name must consist of letters, digits, '.', '-', '/', '>' and '_', "
                f"and begin with a letter, a digit or '.'. Received: {self.output_name!r}"
            )
        if self.tiles != (1, 1) and self.fine_tune.fine_tune != "none":
            raise ValueError(
                "tiles need a frozen backbone. Received: --tiles with --fine-tune "
                f"{self.fine_tune.fine_tune}. Leave one of them out."
            )
        if (self.cost_escape is None) != (self.cost_false_reject is None):
            raise ValueError(
                "--cost-escape and --cost-false-reject: expected both or neither. Received: "
                f"{self.cost_escape} and {self.cost_false_reject}"
            )
