"""Standard streams of a process that was started with some of them closed, as daemons are."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from partsight.errors import OutputError

__all__ = ["open_closed_streams", "standard_output"]


def open_closed_streams() -> None:
    """Open the null device in place of each closed stream. Call it before any file is opened.

    Otherwise the next file gets the descriptor, and messages of native libraries are written into
    it. ``sys.stdout`` stays None: rows written to nowhere would count as delivered.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor, which is this one
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False, encoding="utf-8")  # noqa: SIM115 - for the process


def standard_output() -> TextIO:
    """``sys.stdout``.

    Raises:
        OutputError: it is closed.
    """
    if sys.stdout is None:
        raise OutputError(
            "the standard output is closed. Expected a terminal, a pipe or a file for the rows; "
            "give one, or write them to a file."
        )
    return sys.stdout
