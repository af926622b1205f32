"""What the commands share: progress, exit codes, and messages without secrets."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import click

from partsight.utils.printable import shown as printable
from partsight.utils.redaction import redact_text

if TYPE_CHECKING:
    from partsight.image_files.walk import LeftOut

__all__ = [
    "EXIT_SOME_FAILED",
    "ProgressBar",
    "RedactingFormatter",
    "exit_if_failed",
    "redact_errors",
    "start_logging",
    "tell_left_out",
]

EXIT_SOME_FAILED = 3

_Item = TypeVar("_Item")


# A line of 80 columns would wrap on a terminal of that width.
_MOST_COLUMNS = 79
_MOST_LABEL, _MOST_ITEM, _MOST_BAR, _LEAST_BAR = 24, 26, 30, 4
# Spaces and brackets around label, bar and figures, and the longest time left: 1d 00:00:00.
_FIXED = 8 + 12


class ProgressBar:
    """A bar on stderr, where that is a terminal: a ``partsight.utils.progress.Progress``.

    It is one line of at most 79 columns, and none where there is nothing to do.
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
        """Yield the items and move the bar."""
        columns = min(_MOST_COLUMNS, _terminal_columns() - 1)
        label = self._label[:_MOST_LABEL]
        position = 2 * len(str(total)) + 1 if total else 8
        left = columns - len(label) - position - _FIXED
        item_width = 0 if show is None else max(0, min(_MOST_ITEM, left - _LEAST_BAR - 2))
        with click.progressbar(
            items,
            length=total,
            label=label,
            file=sys.stderr,
            hidden=sys.stderr is None or not sys.stderr.isatty() or total == 0,
            show_pos=True,
            width=max(_LEAST_BAR, min(_MOST_BAR, left - item_width - 2)),
            item_show_func=None
            if show is None
            else lambda item: "" if item is None else show(item)[:item_width],
        ) as bar:
            yield from bar


def _terminal_columns() -> int:
    # Of stderr: stdout may be a pipe.
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, OSError, ValueError):
        return _MOST_COLUMNS + 1


def tell_left_out(left_out: LeftOut) -> None:
    """Count the files of a walk that are not read in one line on stderr, where there are any."""
    for cycle in left_out.cycles():
        click.echo(f"partsight: {printable(cycle)}", err=True)
    text = left_out.text()
    if text is not None:
        click.echo(f"partsight: {text}", err=True)


def exit_if_failed(count: int, total: int) -> None:
    """End with exit code 3 when some inputs failed; each was named before."""
    if count:
        click.echo(f"partsight: {count} of {total} inputs failed, each is named", err=True)
        raise click.exceptions.Exit(EXIT_SOME_FAILED)


class RedactingFormatter(logging.Formatter):
    """A formatter that hides secrets in the whole record, also in its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return redact_text(super().format(record))


def start_logging(*, debug: bool) -> None:
    """Write warnings to stderr, of partsight itself everything if ``debug``; no secrets."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("partsight: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("partsight").setLevel(logging.DEBUG if debug else logging.WARNING)


def redact_errors() -> None:
    """Hide secrets in the tracebacks of errors that nobody catches, in any thread."""

    def written(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(redact_text(text))

    def written_of_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and failed.exc_type is not SystemExit:
            written(failed.exc_type, failed.exc_value, failed.exc_traceback)

    sys.excepthook = written
    threading.excepthook = written_of_thread
