"""What the commands share: progress, exit codes, hints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from partsight.classify import Classifier

__all__ = ["EXIT_SOME_FAILED", "ProgressBar", "exit_if_failed", "load_classifier", "threads_option"]

EXIT_SOME_FAILED = 3

_Item = TypeVar("_Item")


class ProgressBar:
    """A bar on stderr, where that is a terminal: a ``partsight.progress.Progress``."""

    def __init__(self, label: str) -> None:
        self._label = label

    def __call__(
        self, items: Iterable[_Item], total: int, *, show: Callable[[_Item], str] | None = None
    ) -> Iterator[_Item]:
        """Yield the items and move the bar."""
        hidden = sys.stderr is None or not sys.stderr.isatty()
        with click.progressbar(
            items,
            length=total,
            label=self._label,
            file=sys.stderr,
            hidden=hidden,
            show_pos=True,
            item_show_func=None
            if show is None
            else lambda item: "" if item is None else show(item),
        ) as bar:
            yield from bar


def exit_if_failed(count: int, total: int) -> None:
    """End with exit code 3 when some inputs failed; each was named before."""
    if count:
        click.echo(f"partsight: {count} of {total} inputs failed, each is named", err=True)
        raise click.exceptions.Exit(EXIT_SOME_FAILED)


def threads_option(command: Callable[..., None]) -> Callable[..., None]:
    """``--threads N`` for commands that run a model."""
    option = click.option(
        "--threads",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Threads that the runtime may use for a picture.",
    )
    return option(command)


def load_classifier(model: str, threads: int) -> Classifier:
    """Load a model for a command, and say once where a faster runtime is to be had."""
    from partsight.classify import Classifier
    from partsight.runtimes import speed_advice

    classifier = Classifier.load(model, threads=threads)
    advice = speed_advice(classifier.interpreter.runtime)
    if advice:
        click.echo(f"partsight: {advice}", err=True)
    return classifier
