"""Counts the inputs of a run if that is cheap, for the display of the remaining time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from partsight.inputs.base import InputImage
from partsight.inputs.open import STDIN, open_inputs

__all__ = ["count_inputs"]


def count_inputs(paths: Iterable[str]) -> int | None:
    """The number of inputs; None if a pipe, an archive or a video would have to be read."""
    paths = list(paths)
    if STDIN in paths:
        return None
    count = 0
    for taken in open_inputs(paths):
        if isinstance(taken, InputImage) and not isinstance(taken.content, Path):
            return None
        count += 1
    return count
