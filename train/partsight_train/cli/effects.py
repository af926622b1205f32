"""Refuses options of ``partsight train`` that have no effect with the other options."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import click
from click.core import ParameterSource

from partsight_train.cli.run_file import names_in_run_file
from partsight_train.settings import TrainSettings

__all__ = ["refuse_options_without_effect"]


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition under which options have an effect.

    Attributes:
        names: parameters of the options.
        holds: whether they have an effect with these settings.
        need: the condition for people.
    """

    names: tuple[str, ...]
    holds: Callable[[TrainSettings], bool]
    need: str


_CONDITIONS = (
    _Condition(
        (
            "learning_rate",
            "momentum",
            "schedule",
            "warmup_steps",
            "epochs",
            "eval_interval",
            "patience",
            "keep_best",
            "keep_best_at",
            "batch_size",
            "validation_batch_size",
            "dropout",
            "l1",
            "checkpoint_interval",
        ),
        lambda settings: settings.head.optimizer != "lbfgs",
        "without --optimizer adam or sgd",
    ),
    _Condition(
        ("momentum",), lambda settings: settings.head.optimizer == "sgd", "without --optimizer sgd"
    ),
    _Condition(
        ("epochs",),
        lambda settings: settings.head.steps is None,
        "with --steps, which replaces it and which --preset retrain sets",
    ),
    _Condition(
        ("keep_best_at",),
        lambda settings: settings.head.keep_best in ("precision-at-recall", "recall-at-precision"),
        "without --monitor precision-at-recall or recall-at-precision",
    ),
    _Condition(
        (
            "fine_tune_epochs",
            "fine_tune_learning_rate",
            "fine_tune_batch_size",
            "mixed_precision",
            "distribute",
        ),
        lambda settings: settings.fine_tune.fine_tune != "none",
        "without --fine-tune top or all",
    ),
    _Condition(
        ("copies",),
        lambda settings: settings.augment.active,
        "without an augmentation, such as --flip-left-right",
    ),
    _Condition(
        ("target_recall",),
        lambda settings: settings.cost_escape is None or settings.cross_validate is not None,
        "with --cost-escape, which replaces it",
    ),
    _Condition(
        ("defect_rate",),
        lambda settings: settings.cost_escape is not None,
        "without --cost-escape and --cost-false-reject",
    ),
)


def refuse_options_without_effect(ctx: click.Context, settings: TrainSettings) -> None:
    """Refuse options from the command line or the run file that would be ignored.

    Args:
        ctx: context of the command; says which options were given.
        settings: the settings from all options.

    Raises:
        click.UsageError: an option has no effect; names it and the condition.
    """
    given = names_in_run_file(ctx) | {
        name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    for condition in _CONDITIONS:
        if not condition.holds(settings) and (names := _spelled(ctx, given, condition.names)):
            has = "has" if len(names) == 1 else "have"
            raise click.UsageError(f"{', '.join(names)} {has} no effect {condition.need}.")


def _spelled(ctx: click.Context, given: Collection[str], names: Collection[str]) -> list[str]:
    """The current spellings of those parameters that were given."""
    return [
        max(parameter.opts, key=len)
        for parameter in ctx.command.params
        if parameter.name in given and parameter.name in names
    ]
