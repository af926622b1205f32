"""What may be chosen about a training run, and the presets that choose it together."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

from partsight.image.spec import Fit
from partsight.model.product import clean_product

__all__ = [
    "BALANCES",
    "DEFAULT_BACKBONE",
    "DISTRIBUTIONS",
    "FINE_TUNED_PARTS",
    "KEEP_BEST",
    "OPTIMIZERS",
    "PRESETS",
    "SCHEDULES",
    "VIEWS",
    "AugmentSettings",
    "FineTuneSettings",
    "HeadSettings",
    "TrainSettings",
    "settings_from_document",
    "settings_from_options",
]

DEFAULT_BACKBONE = "efficientnet-lite0"

Balance = Literal["none", "class-weights", "sampling"]
FineTunedPart = Literal["none", "top", "all"]
Distribution = Literal["none", "mirrored", "multi-worker"]
KeepBest = Literal["loss", "accuracy", "auc", "precision-at-recall", "recall-at-precision"]
OptimizerName = Literal["lbfgs", "adam", "sgd"]
Schedule = Literal["constant", "cosine"]
BALANCES: tuple[Balance, ...] = get_args(Balance)
DISTRIBUTIONS: tuple[Distribution, ...] = get_args(Distribution)
FINE_TUNED_PARTS: tuple[FineTunedPart, ...] = get_args(FineTunedPart)
KEEP_BEST: tuple[KeepBest, ...] = get_args(KeepBest)
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
VIEWS = (1, 2, 4, 8)

# The classic recipe of TensorFlow's retrain.py, on features as they are.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "retrain": {
        "backbone": "inception-v3",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "steps": 4000,
        "eval_interval": 10,
        "patience": None,
        "batch_size": 100,
        "validation_batch_size": 100,
        "balance": "sampling",
        "l2": 0.0,
        "scale_features": False,
    }
}


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How the head is trained.

    Attributes:
        optimizer: L-BFGS, which goes to the minimum; or Adam or SGD, which take steps.
            All but ``l2``, ``label_smoothing``, ``balance``, ``steps`` (then iterations)
            and what stands after them is for steps only.
        learning_rate: at its highest.
        momentum: of SGD.
        schedule: a constant learning rate, or half a cosine down to zero over all steps.
        warmup_steps: steps over which the learning rate rises from zero.
        epochs: at most so many passes over the training pictures.
        steps: exactly so many steps, if early stopping lets it; None goes by ``epochs``.
        eval_interval: steps between two looks at the validation split; None looks once
            a pass.
        patience: stop after so many looks without a better validation split; None never
            stops early.
        keep_best: the measure on the validation split that says better.
        keep_best_at: the precision or the recall that it is taken at, where it needs one.
        batch_size: pictures a step.
        validation_batch_size: pictures of a look at the validation split, drawn at random;
            None looks at all.
        balance: how labels of unequal number are evened out.
        dropout: share of the features left out a step.
        l1, l2: weights of the sums of the kernel's magnitudes and squares in the loss.
        label_smoothing: share of the probability spread over all labels.
        scale_features: train on centred and scaled features; folded back afterwards.
        temperature: soften the scores on the validation split.
        checkpoint_interval: steps between two checkpoints of the head; None writes none.
        seed: of initial weights, the order of the pictures and the calibration set.

    Raises:
        ValueError: choices that do not go together.
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
    temperature: bool = True
    checkpoint_interval: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer == "lbfgs" and (self.l1 or self.dropout or self.keep_best != "loss"):
            raise ValueError(
                "L-BFGS takes no l1, dropout or keep-best: it goes to the minimum of a smooth "
                "loss. Choose the optimizer adam or sgd with them."
            )


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """How training pictures are varied. All off by default.

    Attributes:
        copies: varied copies of each training picture that a frozen backbone sees beside
            the picture itself; fine-tuning varies each picture anew in each epoch.
        flip_left_right, flip_up_down: mirror every other picture.
        rotation: at most so many degrees either way.
        shift: at most this share of the side, either way, on each axis.
        shear: at most so many degrees.
        zoom: at most this share in or out.
        crop: at most this share of the side cut off.
        brightness, contrast: at most this share up or down.
    """

    copies: int = 3
    flip_left_right: bool = False
    flip_up_down: bool = False
    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    crop: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0

    @property
    def active(self) -> bool:
        """Whether anything varies."""
        return any(
            getattr(self, each.name) for each in dataclasses.fields(self) if each.name != "copies"
        )


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How the backbone itself is trained on, once the head has settled.

    Attributes:
        fine_tune: nothing, the upper part of the backbone, or all of it.
        fine_tune_epochs: passes over the training pictures.
        fine_tune_learning_rate: of Adam, at its highest; half a cosine down to zero.
        fine_tune_batch_size: pictures a step.
        mixed_precision: float16 arithmetic where a GPU has it.
        distribute: over the GPUs of this machine, or over several machines.
    """

    fine_tune: FineTunedPart = "none"
    fine_tune_epochs: int = 10
    fine_tune_learning_rate: float = 2e-5
    fine_tune_batch_size: int = 16
    mixed_precision: bool = False
    distribute: Distribution = "none"


@dataclass(frozen=True, slots=True)
class CardSettings:
    """What people call a model; goes into its standard metadata, the product into its contract.

    Attributes:
        model_name: of the model.
        model_version: empty takes the time of training.
        author: who answers for it.
        license: under which it may be used.
        product: that the model is for, as ``partsight.model.product`` compares it; None where it
            is not named.

    Raises:
        ValueError: a product's name that is not printable.
    """

    model_name: str = "partsight part classifier"
    model_version: str = ""
    author: str = ""
    license: str = ""
    product: str | None = None

    def __post_init__(self) -> None:
        if self.product is not None:
            object.__setattr__(self, "product", clean_product(self.product))


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What may be chosen about a training run.

    Attributes:
        backbone: as ``open_backbone`` takes it.
        image_size: pixels a side; None takes the module's own.
        fit, roi: as in ``PreprocessSpec``.
        bit_depth: significant bits of files with 16 bits per sample; None takes what they
            declare, or what is observed over all of them.
        views: of each picture, mirrored and turned, that features are the mean of: 1, 2, 4
            or 8.
        tiles: rows and columns that a picture is cut into; the worst tile decides.
        validation_share: share of the pictures to stop and to choose thresholds by.
        test_share: share of the pictures to measure on.
        group_near_duplicates: keep pictures that are nearly the same in one split and fold.
        test_batch_size: pictures to measure on at most, drawn at random; None takes all.
        accept_labels: the labels of good parts; empty takes those with a good name.
        target_recall: share of bad parts to be kept from acceptance.
        cost_escape: what an accepted bad part costs; with ``cost_false_reject`` it takes
            the place of ``target_recall``.
        cost_false_reject: what a good part that is not accepted costs.
        defect_rate: share of bad parts on the line; None takes that of the pictures.
        min_contrast: grey levels; a picture with less contrast is never accepted. 0 is off;
            None is chosen from the good pictures, see ``operating_point.contrast_limit``.
        calibration: at most so many training pictures set the ranges of int8.
        quantization_aware: fit the head also to the features that the backbone gives in int8.
        output_name: of the SavedModel's output.
        assert_accuracy_at_least: deliver nothing below this accuracy of the file.
        cross_validate: folds to measure the recipe on beforehand; None measures none.
        head, augment, fine_tune, card: see their classes.

    Raises:
        ValueError: choices that do not go together.
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
                f"Received: {self.validation_share} and {self.test_share}"
            )
        if not _LAYER_NAME.fullmatch(self.output_name):
            raise ValueError(
                "the output's name must be of letters, digits, '.', '-', '/', '>' and '_', and "
                f"begin with a letter, a digit or '.'. Received: {self.output_name!r}"
            )
        if self.tiles != (1, 1) and self.fine_tune.fine_tune != "none":
            raise ValueError("tiles are judged by the backbone as it is: no fine-tuning with them")
        if (self.cost_escape is None) != (self.cost_false_reject is None):
            raise ValueError("a cost of an escape and one of a false reject: give both or none")


# As TensorFlow's graphs allow them.
_LAYER_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")

_Settings = TypeVar("_Settings")


def settings_from_options(options: Mapping[str, Any]) -> TrainSettings:
    """Settings from options that bear the names of their fields.

    Raises:
        ValueError: choices that do not go together.
    """
    parts = {
        "head": _from_options(HeadSettings, options),
        "augment": _from_options(AugmentSettings, options),
        "fine_tune": _from_options(FineTuneSettings, options),
        "card": _from_options(CardSettings, options),
    }
    return _from_options(TrainSettings, {**options, **parts})


def settings_from_document(document: Mapping[str, Any]) -> TrainSettings:
    """Settings as ``config.json`` holds them."""
    parts = [
        document,
        *(document.get(name, {}) for name in ("head", "augment", "fine_tune", "card")),
    ]
    options = {name: value for part in parts for name, value in part.items()}
    return settings_from_options(
        {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    )


def _from_options(kind: type[_Settings], options: Mapping[str, Any]) -> _Settings:
    names = {each.name for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in options.items() if name in names})
