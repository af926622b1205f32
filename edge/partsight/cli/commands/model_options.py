"""What commands that run a model share: their options, and the loading."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.config.location import CONFIG_VARIABLE, SYSTEM_CONFIG, find_config, use_config
from partsight.image.spec import MAX_BIT_DEPTH, MIN_BIT_DEPTH
from partsight.inference.runtimes import THREADS_VARIABLE
from partsight.utils.memory_limit import memory_limit, require_memory

if TYPE_CHECKING:
    from partsight.decision.decide import OperatingPoint
    from partsight.inference.classifier import Classifier
    from partsight.model.third_party import ModelOverrides

__all__ = [
    "config_option",
    "facts_options",
    "load_for_command",
    "point_in_force",
    "threads_option",
]

# The options that replace the model's thresholds, for error messages.
_THRESHOLD_OPTIONS = ("--accept-above", "--reject-below")


def config_option(command: Callable[..., None]) -> Callable[..., None]:
    """``--config FILE``, which takes effect before the other options are read."""
    option = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=lambda ctx, parameter, value: use_config(value),
        help=f"The device's configuration; default ${CONFIG_VARIABLE}, else {SYSTEM_CONFIG}.",
    )
    return option(command)


def threads_option(command: Callable[..., None]) -> Callable[..., None]:
    """``--threads N`` for commands that run a model."""
    option = click.option(
        "--threads",
        type=click.IntRange(1),
        envvar=THREADS_VARIABLE,
        default=1,
        show_default="the configuration's, else 1",
        help="Threads that the runtime may use for a picture.",
    )
    return option(command)


_FACTS = (
    click.option("--labels", "labels_file", type=click.Path(path_type=Path, dir_okay=False),
                 help="For a model of another tool: its labels, one per line in the order of its "
                      "outputs, or with an index each, or as JSON."),
    click.option("--scale", type=click.FloatRange(0, min_open=True),
                 help="For a model of another tool: it takes byte * scale + offset."),
    click.option("--offset", type=float, help="See --scale."),
    click.option("--logits", is_flag=True,
                 help="For a model of another tool: it leaves the softmax or sigmoid out."),
    click.option("--accept-label", "accept_labels", multiple=True,
                 help="For a model of another tool: a label of good parts; may be repeated. "
                      "Default: healthy, good, ok_front, defect_free, i.O. etc."),
    click.option("--bit-depth", type=click.IntRange(MIN_BIT_DEPTH, MAX_BIT_DEPTH),
                 help="Significant bits of image files with 16 bits per sample, for a model that "
                      "declares none. Default: bit_depth in [model] of the configuration."),
)  # fmt: skip


def facts_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a model of another tool does not say of itself, for the command as ``overrides``."""

    @functools.wraps(command)
    def gathered(
        *,
        labels_file: Path | None,
        scale: float | None,
        offset: float | None,
        logits: bool,
        accept_labels: tuple[str, ...],
        bit_depth: int | None,
        **options: object,
    ) -> None:
        if offset is not None and scale is None:
            raise click.UsageError("--offset goes with --scale: the network takes both or neither")
        bit_depth = bit_depth or _configured_bit_depth()
        overrides = None
        if any((labels_file, scale, logits, accept_labels, bit_depth)):
            from partsight.model.third_party import ModelOverrides, read_labels

            labels = None if labels_file is None else read_labels(labels_file)
            overrides = ModelOverrides(
                labels, accept_labels, scale, offset or 0.0, logits, bit_depth
            )
        command(overrides=overrides, **options)

    for option in reversed(_FACTS):
        gathered = option(gathered)
    return gathered


def _configured_bit_depth() -> int | None:
    path = find_config()
    if path is None:
        return None
    from partsight.config.file import read_config

    return read_config(path).model.bit_depth


def load_for_command(
    model: str | bytes, threads: int, overrides: ModelOverrides | None
) -> Classifier:
    """Load a model for a command; warnings and where a faster runtime is to be had go to stderr."""
    from partsight.inference.interpreter import load_runtime
    from partsight.inference.runtimes import choose_runtime, speed_advice
    from partsight.qualification.load import load_classifier

    if memory_limit() is not None:
        load_runtime(choose_runtime())
        require_memory()
    classifier = load_classifier(model, threads=threads, overrides=overrides, warn=_warn)
    advice = speed_advice(classifier.interpreter.runtime)
    if advice:
        _warn(advice)
    return classifier


def _warn(text: str) -> None:
    click.echo(f"partsight: {text}", err=True)


def point_in_force(
    classifier: Classifier,
    accept_above: float | None = None,
    reject_below: float | None = None,
    min_contrast: float | None = None,
) -> OperatingPoint:
    """Thresholds of the options, else of ``[decision]`` in the configuration, else of the model.

    So a picture gets the verdict that the line of this device would give.

    Raises:
        ConfigError: the configuration cannot be read, or thresholds do not go together.
    """
    from partsight.decision.decide import with_thresholds

    point, path = classifier.contract.operating_point, find_config()
    if path is not None:
        from partsight.config.file import read_config

        line = read_config(path).decision
        point = with_thresholds(point, line.accept_above, line.reject_below, line.min_contrast)
    return with_thresholds(
        point, accept_above, reject_below, min_contrast, names=_THRESHOLD_OPTIONS
    )
