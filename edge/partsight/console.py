"""What the commands share: progress and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from partsight.walk import LeftOut

__all__ = ["EXIT_SOME_FAILED", "ProgressBar", "exit_if_failed", "tell_left_out"]

EXIT_SOME_FAILED = 3

_Item = TypeVar("_Item")


class ProgressBar:
    """A bar on stderr, where that is a terminal: a ``partsight.progress.Progress``."""

    def __init__(self, label: str) -> None:
        self._label = label

    def __call__(
        self,
        items: Iterable[_Item],
        total: int | None,
        *,
        show: Callable[[_Item], str] | None = None,
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


def tell_left_out(left_out: LeftOut) -> None:
    """Count the files of a walk that are not read in one line on stderr, where there are any."""
    text = left_out.text()
    if text is not None:
        click.echo(f"partsight: {text}", err=True)


def exit_if_failed(count: int, total: int) -> None:
    """End with exit code 3 when some inputs failed; each was named before."""
    if count:
        click.echo(f"partsight: {count} of {total} inputs failed, each is named", err=True)
        raise click.exceptions.Exit(EXIT_SOME_FAILED)
