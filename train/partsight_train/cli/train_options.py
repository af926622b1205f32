"""The options of ``partsight train``. Their parameters have the names of the settings' fields.

An option's value comes from the command line, else from ``--config``, else from ``--preset`` and
``--augment``, else from the defaults of the settings.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from partsight.cli.options import LocalPath
from partsight.image.spec import FITS, MAX_BIT_DEPTH, MIN_BIT_DEPTH
from partsight_train.cli.option_groups import group
from partsight_train.cli.option_values import (
    apply_augmentations,
    apply_preset,
    product_name,
    region,
    rows_and_columns,
)
from partsight_train.cli.run_file import apply_run_file
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
from partsight_train.tune.space import AUGMENTATIONS

__all__ = ["train_options"]

_TRAIN, _HEAD = TrainSettings(), HeadSettings()
_AUGMENT, _TUNE = AugmentSettings(), FineTuneSettings()
_CARD = CardSettings()
_COUNT = click.IntRange(1)
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_BELOW_ONE = click.FloatRange(0, 1, max_open=True)
_RECALL = click.FloatRange(0, 1, min_open=True)
_POSITIVE = click.FloatRange(0, min_open=True)
_FROM_ZERO = click.FloatRange(0)
_AUGMENTATIONS = tuple(name for name in AUGMENTATIONS if name != "none")


def _choice(names: tuple[str, ...]) -> click.Choice[str]:
    return click.Choice(names)


_run = group("Run")
_data = group("Images and splits")
_network = group("Network and its input")
_head = group("Training of the head")
_augment = group("Augmentation of training images")
_tune = group("Fine-tuning of the backbone")
_decide = group("Verdicts")
_deliver = group("Delivered file")

# fmt: off
_OPTIONS: tuple[Callable[..., Any], ...] = (
    _run("-o", "--run-dir", required=True, type=LocalPath(path_type=Path), show_default=False,
         basic=True,
         help="New folder for model-int8.tflite, metrics.json, report.html and saved_model/."),
    _run("--config", type=click.Path(path_type=Path, dir_okay=False), is_eager=True, basic=True,
         expose_value=False, callback=apply_run_file,
         help="TOML file with options: names with underscores as keys, such as image_size = 320. "
              "Options on the command line take precedence."),
    _run("--preset", type=_choice(tuple(PRESETS)), is_eager=True, expose_value=False,
         callback=apply_preset,
         help="Default settings of a known method; 'retrain': TensorFlow's retrain.py."),
    _run("--resume", is_flag=True, basic=True, help="Continue a run that was interrupted."),
    _run("--seed", type=click.IntRange(0), default=_HEAD.seed, basic=True,
         help="Seed of initial weights, image order, augmentation in fine-tuning and calibration "
              "images."),
    _run("--summaries-dir", type=click.Path(path_type=Path),
         help="Folder for TensorBoard; default RUN_DIR/logs."),
    _run("--cache-dir", type=click.Path(path_type=Path),
         help="Folder for cached features and backbones; default the user's cache folder."),
    _run("--print-misclassified", is_flag=True,
         help="List the test images that the delivered file misclassifies."),
    _run("--verbosity", type=_choice(("debug", "info", "warning", "error")), default="warning",
         help="Level of the messages on stderr."),

    _data("--validation-share", type=_SHARE, default=_TRAIN.validation_share,
          help="Share of the parts for early stopping and for choosing thresholds."),
    _data("--test-share", type=_SHARE, default=_TRAIN.test_share,
          help="Share of the parts that are used for measurement only."),
    _data("--group-near-duplicates", is_flag=True,
          help="Keep nearly identical images in one split and one fold."),
    _data("--test-batch-size", type=_COUNT,
          help="Maximum number of test images, drawn at random; default all."),
    _data("--cross-validate", type=click.IntRange(2), basic=True, metavar="FOLDS",
          help="Also measure these settings on all images by cross-validation."),

    _network("--backbone", default=_TRAIN.backbone, basic=True,
             help="Name from 'partsight backbones', or a TF Hub image feature vector: folder, "
                  ".tar.gz or URL. Join names or paths by + to use several together."),
    _network("--image-size", type=_COUNT, basic=True,
             help="Side of the network's input in pixels; default the backbone's own."),
    _network("--resize-mode", "fit", former=["--fit"], type=_choice(FITS), default=_TRAIN.fit,
             help="Stretch images to the input, or keep their proportions with grey bars."),
    _network("--roi", callback=region, metavar="LEFT,TOP,WIDTH,HEIGHT",
             help="Use only this region, as shares of the image, e.g. 0.25,0,0.5,1."),
    _network("--bit-depth", type=click.IntRange(MIN_BIT_DEPTH, MAX_BIT_DEPTH),
             help="Significant bits of files with 16 bits per sample; default the declared depth, "
                  "or the bits of the largest sample in all files."),
    _network("--tta", "views", former=["--views"], type=click.Choice(VIEWS),
             default=_TRAIN.views, basic=True,
             help="Test-time augmentation: average the features of 2 views of an image "
                  "(mirrored), 4 (mirrored in both directions) or 8 (also rotated). Inference "
                  "time grows by the same factor."),
    _network("--tiles", callback=rows_and_columns, default="1x1", metavar="ROWSxCOLUMNS",
             basic=True,
             help="Cut images into tiles of the input size; the worst tile decides. For small "
                  "defects in large images. Inference time grows with the number of tiles."),

    _head("--optimizer", type=_choice(OPTIMIZERS), default=_HEAD.optimizer,
          help="lbfgs converges to the minimum; adam and sgd take steps with early stopping, and "
               "use the options from --learning-rate to --l1."),
    _head("--learning-rate", type=_POSITIVE, default=_HEAD.learning_rate,
          help="Highest learning rate."),
    _head("--momentum", type=_BELOW_ONE, default=_HEAD.momentum, help="Momentum for sgd."),
    _head("--schedule", type=_choice(SCHEDULES), default=_HEAD.schedule,
          help="Constant learning rate, or half a cosine down to zero."),
    _head("--warmup-steps", type=click.IntRange(0), default=_HEAD.warmup_steps,
          help="Steps over which the learning rate rises from zero."),
    _head("--epochs", type=_COUNT, default=_HEAD.epochs, help="Maximum passes over the images."),
    _head("--eval-interval", type=_COUNT, default=_HEAD.eval_interval,
          help="Steps between two validations; default one epoch."),
    _head("--patience", type=_COUNT, default=_HEAD.patience,
          help="Validations without improvement before training stops."),
    _head("--monitor", "keep_best", former=["--keep-best"], type=_choice(KEEP_BEST),
          default=_HEAD.keep_best,
          help="Validation metric for early stopping and for choosing the best weights."),
    _head("--monitor-at", "keep_best_at", former=["--keep-best-at"], type=_RECALL,
          default=_HEAD.keep_best_at,
          help="Recall for precision-at-recall, or precision for recall-at-precision."),
    _head("--batch-size", type=_COUNT, default=_HEAD.batch_size, help="Images per step."),
    _head("--validation-batch-size", type=_COUNT,
          help="Images per validation, drawn at random; default all."),
    _head("--checkpoint-interval", type=_COUNT, default=_HEAD.checkpoint_interval,
          help="Steps between checkpoints of the head in RUN_DIR/checkpoints."),
    _head("--dropout", type=_BELOW_ONE, default=_HEAD.dropout,
          help="Share of the features that each step leaves out."),
    _head("--l1", type=_FROM_ZERO, default=_HEAD.l1, help="Weight of the L1 penalty."),
    _head("--l2", type=_FROM_ZERO, default=_HEAD.l2, help="Weight of the L2 penalty."),
    _head("--steps", type=_COUNT, default=_HEAD.steps,
          help="Maximum steps (for lbfgs: iterations); replaces --epochs."),
    _head("--balance", type=_choice(BALANCES), default=_HEAD.balance,
          help="Compensate for labels with unequal numbers of images by weights or by sampling."),
    _head("--label-smoothing", type=_BELOW_ONE, default=_HEAD.label_smoothing,
          help="Share of the probability that is spread over all labels."),
    _head("--scale-features/--raw-features", default=_HEAD.scale_features,
          help="Standardize the features for training, or use them unchanged."),

    _augment("--augment", type=_choice(_AUGMENTATIONS), multiple=True, is_eager=True,
             expose_value=False, callback=apply_augmentations, basic=True,
             help="Augment by mirroring (flips), brightness and contrast (light), small rotations, "
                  "shifts and zooms (moves), or all of them; may be repeated. --help-all lists "
                  "single changes, which take precedence."),
    _augment("--augment-copies", "copies", former=["--copies"], type=_COUNT,
             default=_AUGMENT.copies,
             help="Augmented copies of each training image, in addition to the image."),
    _augment("--flip-left-right", is_flag=True, help="Mirror left to right at random."),
    _augment("--flip-up-down", is_flag=True, help="Mirror top to bottom at random."),
    _augment("--rotation", type=click.FloatRange(0, 180), default=_AUGMENT.rotation,
             help="Maximum angle in degrees, in both directions."),
    _augment("--shift", type=_BELOW_ONE, default=_AUGMENT.shift,
             help="Maximum distance on each axis, as a share of the side."),
    _augment("--shear", type=click.FloatRange(0, 80), default=_AUGMENT.shear,
             help="Maximum angle in degrees."),
    _augment("--zoom", type=_BELOW_ONE, default=_AUGMENT.zoom,
             help="Maximum zoom in or out, as a share of the side."),
    _augment("--crop", type=_BELOW_ONE, default=_AUGMENT.crop,
             help="Share of the side that is cut off, at a random place."),
    _augment("--brightness", type=_BELOW_ONE, default=_AUGMENT.brightness,
             help="Maximum change up or down, as a share of the full range."),
    _augment("--contrast", type=_BELOW_ONE, default=_AUGMENT.contrast,
             help="Maximum change up or down, as a share of the image's contrast."),

    _tune("--fine-tune", type=_choice(FINE_TUNED_PARTS), default=_TUNE.fine_tune, basic=True,
          help="Also train the upper layers of the backbone, or all of them."),
    _tune("--fine-tune-epochs", type=_COUNT, default=_TUNE.fine_tune_epochs, basic=True,
          help="Passes of fine-tuning over the training images."),
    _tune("--fine-tune-learning-rate", type=_POSITIVE, default=_TUNE.fine_tune_learning_rate,
          help="Highest learning rate of fine-tuning."),
    _tune("--fine-tune-batch-size", type=_COUNT, default=_TUNE.fine_tune_batch_size,
          help="Images per step of fine-tuning."),
    _tune("--mixed-precision", is_flag=True, help="Use float16 on a GPU that supports it."),
    _tune("--distribute", type=_choice(DISTRIBUTIONS), default=_TUNE.distribute,
          help="Train on this machine's GPUs, or on the workers that TF_CONFIG names."),

    _decide("--accept-label", "accept_labels", multiple=True, basic=True,
            help="Label of good parts; may be repeated. Default: healthy, good, ok, pass etc."),
    _decide("--target-recall", type=_RECALL, default=_TRAIN.target_recall, basic=True,
            help="Share of bad parts that must not be accepted; sets the thresholds."),
    _decide("--cost-escape", type=_POSITIVE, basic=True,
            help="Cost of an accepted bad part; sets the thresholds by cost instead."),
    _decide("--cost-false-reject", type=_POSITIVE, basic=True,
            help="Cost of a good part that is not accepted."),
    _decide("--defect-rate", type=_SHARE,
            help="Share of bad parts on the line; default the share in the validation split."),
    _decide("--min-contrast", type=click.FloatRange(0, 255),
            help="Minimum range of grey levels in an image, without the darkest and the brightest "
                 "7.5 % of its pixels; an image below it is never accepted. Default 10, or "
                 "less if good images have less; 0 is off."),

    _deliver("--calibration-images", "calibration", former=["--calibration"], type=_COUNT,
             default=_TRAIN.calibration,
             help="Maximum number of training images that set the value ranges of int8."),
    _deliver("--quantization-aware/--float-only", default=_TRAIN.quantization_aware,
             help="Fit the head to the features of the int8 backbone too, or only of the "
                  "float backbone."),
    _deliver("--product", callback=product_name, basic=True,
             help="Product that the model inspects. A line runs only models of its own product."),
    _deliver("--model-name", default=_CARD.model_name, help="Name in the standard metadata."),
    _deliver("--model-version", default=_CARD.model_version, show_default=False,
             help="Version in the standard metadata; default the time of training."),
    _deliver("--author", default=_CARD.author, show_default=False,
             help="Author in the standard metadata."),
    _deliver("--license", default=_CARD.license, show_default=False,
             help="Licence in the standard metadata."),
    _deliver("--output-name", default=_TRAIN.output_name, help="Name of the SavedModel's output."),
    _deliver("--assert-accuracy-at-least", type=_RECALL,
             help="Fail and deliver nothing if the test accuracy of the file is lower."),
)
# fmt: on


def train_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add all options, in the order of the help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
