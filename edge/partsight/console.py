"""What the commands share: progress, exit codes, hints."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from partsight.classify import Classifier
    from partsight.foreign import GivenFacts

__all__ = [
    "EXIT_SOME_FAILED",
    "ProgressBar",
    "exit_if_failed",
    "facts_options",
    "load_classifier",
    "threads_option",
]

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


_FACTS = (
    click.option("--labels", "labels_file", type=click.Path(path_type=Path, dir_okay=False),
                 help="For a model of another tool: its labels, one a line."),
    click.option("--scale", type=click.FloatRange(0, min_open=True),
                 help="For a model of another tool: it takes byte * scale + offset."),
    click.option("--offset", type=float, help="See --scale."),
    click.option("--logits", is_flag=True,
                 help="For a model of another tool: it leaves the softmax out."),
    click.option("--accept-label", "accept_labels", multiple=True,
                 help="For a model of another tool: a label of good parts; may be repeated. "
                      "Default: healthy, good, ok, pass etc."),
)  # fmt: skip


def facts_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a model of another tool does not say of itself, for the command as ``given``."""

    @functools.wraps(command)
    def gathered(
        *,
        labels_file: Path | None,
        scale: float | None,
        offset: float | None,
        logits: bool,
        accept_labels: tuple[str, ...],
        **options: object,
    ) -> None:
        if offset is not None and scale is None:
            raise click.UsageError("--offset goes with --scale: the network takes both or neither")
        given = None
        if any((labels_file, scale, logits, accept_labels)):
            from partsight.foreign import GivenFacts, read_labels

            labels = None if labels_file is None else read_labels(labels_file)
            given = GivenFacts(labels, accept_labels, scale, offset or 0.0, logits)
        command(given=given, **options)

    for option in reversed(_FACTS):
        gathered = option(gathered)
    return gathered


def load_classifier(model: str, threads: int, given: GivenFacts | None) -> Classifier:
    """Load a model for a command, and say once where a faster runtime is to be had."""
    from partsight.classify import Classifier
    from partsight.runtimes import speed_advice

    classifier = Classifier.load(model, threads=threads, given=given)
    advice = speed_advice(classifier.interpreter.runtime)
    if advice:
        click.echo(f"partsight: {advice}", err=True)
    return classifier
