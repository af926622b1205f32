"""Shared by the commands: progress, exit codes, and messages without secrets."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import click

from partsight.utils.printable import printable
from partsight.utils.redaction import redact_text

if TYPE_CHECKING:
    from partsight.image_files.walk import LeftOut

__all__ = [
    "EXIT_SOME_FAILED",
    "ProgressBar",
    "RedactingFormatter",
    "exit_if_failed",
    "redact_errors",
    "report_failure",
    "report_left_out",
    "resume_hint",
    "start_logging",
]

EXIT_SOME_FAILED = 3

_Item = TypeVar("_Item")


# A line of 80 columns would wrap on a terminal of that width.
_MAX_COLUMNS = 79
_MAX_LABEL, _MAX_ITEM, _MAX_BAR, _MIN_BAR = 24, 26, 30, 4
# Spaces and brackets around label, bar and numbers, and the longest remaining time: 1d 00:00:00.
_FIXED = 8 + 12


class ProgressBar:
    """A ``partsight.utils.progress.Progress`` that shows a bar on stderr.

    The bar is one line of at most 79 columns. It is hidden if stderr is no terminal, or if there
    are no items.
    """

    def __init__(self, label: str) -> None:
        self._label = label

    def __call__(
        self,
        items: Iterable[_Item],
        total: int | None,
        *,
        show: Callable[[_Item], str] | None = None,
    ) -> Iterator[_Item]:
        """Yield the items, and advance the bar with each."""
        columns = min(_MAX_COLUMNS, _terminal_columns() - 1)
        label = self._label[:_MAX_LABEL]
        position = 2 * len(str(total)) + 1 if total else 8
        left = columns - len(label) - position - _FIXED
        item_width = 0 if show is None else max(0, min(_MAX_ITEM, left - _MIN_BAR - 2))
        with click.progressbar(
            items,
            length=total,
            label=label,
            file=sys.stderr,
            hidden=sys.stderr is None or not sys.stderr.isatty() or total == 0,
            show_pos=True,
            width=max(_MIN_BAR, min(_MAX_BAR, left - item_width - 2)),
            item_show_func=None
            if show is None
            else lambda item: "" if item is None else show(item)[:item_width],
        ) as bar:
            yield from bar


def _terminal_columns() -> int:
    # The width of stderr, because stdout may be a pipe.
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, OSError, ValueError):
        return _MAX_COLUMNS + 1


def report_left_out(left_out: LeftOut) -> None:
    """Print link cycles and the number of files that were not read, if any, on stderr."""
    for cycle in left_out.cycles():
        click.echo(f"partsight: {printable(cycle)}", err=True)
    text = left_out.text()
    if text is not None:
        click.echo(f"partsight: {text}", err=True)


def report_failure(name: str | Path, reason: str) -> None:
    """Name an input that failed, and the reason, on stderr."""
    click.echo(f"partsight: {printable(name)}: {printable(reason)}", err=True)


@contextlib.contextmanager
def resume_hint() -> Iterator[None]:
    """Mention ``--resume`` on stderr if the user interrupts the block."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("partsight: interrupted; the same command with --resume continues", err=True)
        raise


def exit_if_failed(count: int, total: int) -> None:
    """End with exit code 3 if some inputs failed; each was named before."""
    if count:
        click.echo(f"partsight: {count} of {total} inputs failed, each is named above", err=True)
        raise click.exceptions.Exit(EXIT_SOME_FAILED)


class RedactingFormatter(logging.Formatter):
    """A formatter that hides secrets in the whole record, also in its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text without secrets."""
        return redact_text(super().format(record))


def start_logging(*, debug: bool) -> None:
    """Log warnings to stderr without secrets; with ``debug`` also all messages of partsight."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("partsight: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("partsight").setLevel(logging.DEBUG if debug else logging.WARNING)


def redact_errors() -> None:
    """Hide secrets in the tracebacks of uncaught errors, in all threads."""

    def write(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(redact_text(text))

    def write_from_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and failed.exc_type is not SystemExit:
            write(failed.exc_type, failed.exc_value, failed.exc_traceback)

    sys.excepthook = write
    threading.excepthook = write_from_thread
