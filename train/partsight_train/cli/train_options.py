"""The options of ``partsight train``, named as the fields of its settings.

Defaults are those of the settings; a preset replaces some of them, and what is given on
the command line replaces both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from partsight.image.spec import FITS, MAX_BIT_DEPTH, MIN_BIT_DEPTH, PreprocessSpec
from partsight_train.cli.option_groups import group
from partsight_train.cli.product_option import product_name
from partsight_train.settings import (
    BALANCES,
    DISTRIBUTIONS,
    FINE_TUNED_PARTS,
    KEEP_BEST,
    OPTIMIZERS,
    PRESETS,
    SCHEDULES,
    VIEWS,
    AugmentSettings,
    CardSettings,
    FineTuneSettings,
    HeadSettings,
    TrainSettings,
)

__all__ = ["train_options"]

_TRAIN, _HEAD, _VARY, _TUNE = TrainSettings(), HeadSettings(), AugmentSettings(), FineTuneSettings()
_CARD = CardSettings()
_COUNT = click.IntRange(1)
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_PART = click.FloatRange(0, 1, max_open=True)
_RECALL = click.FloatRange(0, 1, min_open=True)
_POSITIVE = click.FloatRange(0, min_open=True)
_FROM_ZERO = click.FloatRange(0)
_TILES = re.compile(r"([1-9]\d?)x([1-9]\d?)")


def _apply_preset(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.default_map = {**(ctx.default_map or {}), **PRESETS[value]}


def _region(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        left, top, width, height = map(float, value.split(","))
        return PreprocessSpec(1, 1, roi=(left, top, width, height)).roi
    except ValueError as error:
        raise click.BadParameter(f"expected four shares: {error}") from error


def _rows_and_columns(
    ctx: click.Context, parameter: click.Parameter, value: str
) -> tuple[int, int]:
    found = _TILES.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"expected rows and columns, such as 2x3. Received: {value!r}")
    return int(found[1]), int(found[2])


def _choice(names: tuple[str, ...]) -> click.Choice[str]:
    return click.Choice(names)


_data = group("Pictures")
_backbone = group("Backbone")
_head = group("Head")
_vary = group("Variation of training pictures")
_tune = group("Fine-tuning")
_decide = group("Verdicts and delivery")
_run = group("The run")

# fmt: off
_OPTIONS: tuple[Callable[..., Any], ...] = (
    _run("-o", "--run-dir", required=True, type=click.Path(path_type=Path), show_default=False,
         help="A new folder; gets model-int8.tflite, metrics.json, report.html, saved_model/."),
    _run("--preset", type=_choice(tuple(PRESETS)), is_eager=True, expose_value=False,
         callback=_apply_preset,
         help="Defaults of a known recipe: 'retrain' is that of TensorFlow's retrain.py."),
    _run("--resume", is_flag=True, help="Go on with a run that was killed."),
    _run("--seed", type=click.IntRange(0), default=_HEAD.seed,
         help="Of initial weights, the order of pictures, their variation and calibration."),
    _run("--summaries-dir", type=click.Path(path_type=Path),
         help="Where TensorBoard reads; default RUN_DIR/logs."),
    _run("--cache-dir", type=click.Path(path_type=Path),
         help="Where features and backbones are kept; default the user's cache folder."),
    _run("--print-misclassified", is_flag=True,
         help="Name the test pictures that the file got wrong."),
    _run("--verbosity", type=_choice(("debug", "info", "warning", "error")), default="warning",
         help="What is said of the work on stderr."),

    _data("--validation-share", type=_SHARE, default=_TRAIN.validation_share,
          help="Share of the pictures to stop and to choose thresholds by."),
    _data("--test-share", type=_SHARE, default=_TRAIN.test_share,
          help="Share of the pictures that are only measured on."),
    _data("--group-near-duplicates", is_flag=True,
          help="Keep pictures that are nearly the same in one split and one fold."),
    _data("--test-batch-size", type=_COUNT,
          help="Test pictures to measure on at most, drawn at random; default all."),
    _data("--cross-validate", type=click.IntRange(2),
          help="Also measure the recipe on every picture, in so many folds."),

    _backbone("--backbone", default=_TRAIN.backbone,
              help="A name, or a TF Hub image feature vector: folder, .tar.gz, URL. Several with + "
                   "between them are joined."),
    _backbone("--image-size", type=_COUNT, help="Pixels a side; default the backbone's own."),

    _backbone("--fit", type=_choice(FITS), default=_TRAIN.fit,
              help="Stretch pictures to the size, or keep their proportions between grey bars."),
    _backbone("--roi", callback=_region, metavar="LEFT,TOP,WIDTH,HEIGHT",
              help="See only this region, in shares of the picture, e.g. 0.25,0,0.5,1."),

    _backbone("--bit-depth", type=click.IntRange(MIN_BIT_DEPTH, MAX_BIT_DEPTH),
              help="Significant bits of files with 16 bits per sample; default what they declare, "
                   "or the largest sample of all of them shows."),

    _backbone("--views", type=click.Choice(VIEWS), default=_TRAIN.views,
              help="Mean features over so many views: 2 mirrored, 4 both ways, 8 turned by "
                   "quarters too. A frame takes as many times longer."),

    _backbone("--tiles", callback=_rows_and_columns, default="1x1", metavar="ROWSxCOLUMNS",
              help="Cut pictures into tiles, each as large as the network's input; the worst "
                   "decides. For small defects in large frames; takes as many times longer."),

    _head("--optimizer", type=_choice(OPTIMIZERS), default=_HEAD.optimizer,
          help="lbfgs goes to the minimum; adam and sgd take steps, and stop early."),
    _head("--learning-rate", type=_POSITIVE, default=_HEAD.learning_rate),
    _head("--momentum", type=_PART, default=_HEAD.momentum, help="Of sgd."),
    _head("--schedule", type=_choice(SCHEDULES), default=_HEAD.schedule,
          help="Learning rate: constant, or half a cosine down to zero."),
    _head("--warmup-steps", type=click.IntRange(0), default=_HEAD.warmup_steps,
          help="Steps over which the learning rate rises from zero."),
    _head("--epochs", type=_COUNT, default=_HEAD.epochs, help="Passes over the pictures, at most."),
    _head("--steps", type=_COUNT, default=_HEAD.steps,
          help="Steps (of lbfgs: iterations) at most, in place of --epochs."),
    _head("--eval-interval", type=_COUNT, default=_HEAD.eval_interval,
          help="Steps between two looks at the validation split; default a pass."),
    _head("--patience", type=_COUNT, default=_HEAD.patience,
          help="Stop after so many looks without a better validation split."),
    _head("--keep-best", type=_choice(KEEP_BEST), default=_HEAD.keep_best,
          help="The measure on the validation split by which the best weights are kept."),
    _head("--keep-best-at", type=_RECALL, default=_HEAD.keep_best_at,
          help="The recall or precision that --keep-best is taken at."),
    _head("--batch-size", type=_COUNT, default=_HEAD.batch_size, help="Pictures a step."),
    _head("--validation-batch-size", type=_COUNT,
          help="Pictures of a look at the validation split, drawn at random; default all."),
    _head("--balance", type=_choice(BALANCES), default=_HEAD.balance,
          help="Even out labels of unequal number by weights or by sampling."),
    _head("--dropout", type=_PART, default=_HEAD.dropout),
    _head("--l1", type=_FROM_ZERO, default=_HEAD.l1),
    _head("--l2", type=_FROM_ZERO, default=_HEAD.l2),
    _head("--label-smoothing", type=_PART, default=_HEAD.label_smoothing),
    _head("--scale-features/--raw-features", default=_HEAD.scale_features,
          help="Whether features are scaled for training; folded back either way."),
    _head("--temperature/--no-temperature", default=_HEAD.temperature,
          help="Whether scores are calibrated on the validation split."),
    _head("--checkpoint-interval", type=_COUNT, default=_HEAD.checkpoint_interval,
          help="Steps between checkpoints of the head in RUN_DIR/checkpoints."),

    _vary("--copies", type=_COUNT, default=_VARY.copies,
          help="Varied copies of each training picture beside itself, if anything varies."),
    _vary("--flip-left-right", is_flag=True, help="Mirror at random."),
    _vary("--flip-up-down", is_flag=True, help="Mirror at random."),
    _vary("--rotation", type=click.FloatRange(0, 180), default=_VARY.rotation,
          help="Degrees either way, at most."),
    _vary("--shift", type=_PART, default=_VARY.shift, help="Share of the side, at most."),
    _vary("--shear", type=click.FloatRange(0, 80), default=_VARY.shear, help="Degrees, at most."),
    _vary("--zoom", type=_PART, default=_VARY.zoom, help="Share in or out, at most."),
    _vary("--crop", type=_PART, default=_VARY.crop, help="Share of the side cut off, anywhere."),
    _vary("--brightness", type=_PART, default=_VARY.brightness, help="Share up or down, at most."),
    _vary("--contrast", type=_PART, default=_VARY.contrast, help="Share up or down, at most."),

    _tune("--fine-tune", type=_choice(FINE_TUNED_PARTS), default=_TUNE.fine_tune,
          help="Train the upper part of the backbone on, or all of it."),
    _tune("--fine-tune-epochs", type=_COUNT, default=_TUNE.fine_tune_epochs),
    _tune("--fine-tune-learning-rate", type=_POSITIVE, default=_TUNE.fine_tune_learning_rate),
    _tune("--fine-tune-batch-size", type=_COUNT, default=_TUNE.fine_tune_batch_size),
    _tune("--mixed-precision", is_flag=True, help="float16 arithmetic on a GPU that has it."),
    _tune("--distribute", type=_choice(DISTRIBUTIONS), default=_TUNE.distribute,
          help="Over this machine's GPUs, or over the workers that TF_CONFIG names."),

    _decide("--accept-label", "accept_labels", multiple=True,
            help="A label of good parts; may be repeated. Default: healthy, good, ok, pass etc."),
    _decide("--target-recall", type=_RECALL, default=_TRAIN.target_recall,
            help="Share of bad parts that must not be accepted; sets the operating point."),
    _decide("--cost-escape", type=_POSITIVE,
            help="What an accepted bad part costs: sets the operating point by cost."),
    _decide("--cost-false-reject", type=_POSITIVE,
            help="What a good part that is not accepted costs."),
    _decide("--defect-rate", type=_SHARE,
            help="Share of bad parts on the line; default that of the pictures."),
    _decide("--min-contrast", type=click.FloatRange(0, 255),
            help="Grey levels that the central 85 % of a picture spread over at least; one with "
                 "fewer is never accepted. Default 10, or less where good pictures have less; "
                 "0 is off."),
    _decide("--calibration", type=_COUNT, default=_TRAIN.calibration,
            help="At most so many training pictures set the ranges of int8."),
    _decide("--quantization-aware/--float-only", default=_TRAIN.quantization_aware,
            help="Whether the head is fitted also to what the backbone gives in int8."),
    _decide("--model-name", default=_CARD.model_name,
            help="What people call the model; goes into its standard metadata, as do the next."),
    _decide("--model-version", default=_CARD.model_version, help="Default the time of training."),
    _decide("--product", callback=product_name,
            help="What the model is for. A line takes only models of its own product."),
    _decide("--author", default=_CARD.author, help="Who answers for it."),
    _decide("--license", default=_CARD.license, help="Under which it may be used."),
    _decide("--output-name", default=_TRAIN.output_name, help="Of the SavedModel's output."),
    _decide("--assert-accuracy-at-least", type=_RECALL,
            help="Fail and deliver nothing where the file is right less often on the test split."),
)
# fmt: on


def train_options(command: Callable[..., None]) -> Callable[..., None]:
    """All options, in the order that they are shown in."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
