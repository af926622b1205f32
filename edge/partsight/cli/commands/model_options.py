"""Options and loading that commands which run a model share."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partsight.config.location import CONFIG_VARIABLE, SYSTEM_CONFIG, THREADS_VARIABLE
from partsight.deploy.device import Device, open_device
from partsight.image.spec import MAX_BIT_DEPTH, MIN_BIT_DEPTH
from partsight.utils.memory_limit import memory_limit, require_memory

if TYPE_CHECKING:
    from partsight.decision.operating_point import OperatingPoint
    from partsight.inference.classifier import Classifier
    from partsight.model.third_party import ModelOverrides

__all__ = [
    "config_option",
    "overrides_options",
    "load_for_command",
    "effective_operating_point",
    "threads_option",
]

# The options that replace the model's thresholds, for error messages.
_THRESHOLD_OPTIONS = ("--accept-above", "--reject-below")


def config_option(command: Callable[..., None]) -> Callable[..., None]:
    """``--config FILE``, which gives the command a ``device``; read before the other options."""
    option = click.option(
        "--config",
        "device",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        callback=lambda ctx, parameter, value: open_device(value),
        help=f"Configuration of the device; default ${CONFIG_VARIABLE}, or else {SYSTEM_CONFIG}.",
    )
    return option(command)


def threads_option(command: Callable[..., None]) -> Callable[..., None]:
    """``--threads N``, below ``config_option``."""
    option = click.option(
        "--threads",
        type=click.IntRange(1),
        envvar=THREADS_VARIABLE,
        callback=lambda ctx, parameter, value: value or ctx.params["device"].options.threads,
        show_default="the configuration's, else 1",
        help="Threads of the runtime for one image.",
    )
    return option(command)


_OVERRIDES = (
    click.option("--labels", "labels_file", type=click.Path(path_type=Path, dir_okay=False),
                 help="For a model of another tool: file with its labels, one per line in the "
                      "order of its outputs, or each with an index, or as JSON."),
    click.option("--scale", type=click.FloatRange(0, min_open=True),
                 help="For a model of another tool: its input is byte * scale + offset."),
    click.option("--offset", type=float,
                 help="For a model of another tool: see --scale; default 0."),
    click.option("--logits", is_flag=True,
                 help="For a model of another tool: its outputs are logits, before softmax or "
                      "sigmoid."),
    click.option("--accept-label", "accept_labels", multiple=True,
                 help="For a model of another tool: label of good parts; may be repeated. "
                      "Default: healthy, good, ok_front, defect_free, i.O. etc."),
    click.option("--bit-depth", type=click.IntRange(MIN_BIT_DEPTH, MAX_BIT_DEPTH),
                 help="Significant bits of image files with 16 bits per sample, for a model that "
                      "declares no bit depth."),
)  # fmt: skip


def overrides_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add options for a model of another tool; the command receives them as ``overrides``."""

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
            raise click.UsageError("--offset needs --scale")
        overrides = None
        if any((labels_file, scale, logits, accept_labels, bit_depth)):
            from partsight.model.third_party import ModelOverrides, read_labels

            labels = None if labels_file is None else read_labels(labels_file)
            overrides = ModelOverrides(
                labels, accept_labels, scale, offset or 0.0, logits, bit_depth
            )
        command(overrides=overrides, **options)

    for option in reversed(_OVERRIDES):
        gathered = option(gathered)
    return gathered


def load_for_command(
    model: str | bytes, device: Device, threads: int, overrides: ModelOverrides | None
) -> Classifier:
    """Load a model for a command; warnings and advice on a faster runtime go to stderr."""
    from partsight.inference.interpreter import load_runtime
    from partsight.inference.runtimes import choose_runtime, speed_advice
    from partsight.qualification.load import load_classifier

    if memory_limit() is not None:
        load_runtime(choose_runtime(device.options.runtime))
        require_memory()
    overrides = device.overrides(overrides)
    options = dataclasses.replace(device.options, threads=threads)
    classifier = load_classifier(model, device.trust, options, overrides=overrides, warn=_warn)
    advice = speed_advice(classifier.interpreter.runtime)
    if advice:
        _warn(advice)
    return classifier


def _warn(text: str) -> None:
    click.echo(f"partsight: {text}", err=True)


def effective_operating_point(
    classifier: Classifier,
    device: Device,
    accept_above: float | None = None,
    reject_below: float | None = None,
    min_contrast: float | None = None,
) -> OperatingPoint:
    """Thresholds of the options, else of ``[decision]`` in the configuration, else of the model.

    An image gets the verdict that the line of this device would give.

    Raises:
        ConfigError: the thresholds contradict each other.
    """
    from partsight.decision.operating_point import with_thresholds

    point = classifier.contract.operating_point
    if device.file_config is not None:
        line = device.file_config.decision
        point = with_thresholds(point, line.accept_above, line.reject_below, line.min_contrast)
    return with_thresholds(
        point, accept_above, reject_below, min_contrast, names=_THRESHOLD_OPTIONS
    )
