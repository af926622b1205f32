"""Image files in a folder and below it as inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from partsight import pictures
from partsight.inputs.base import Input, Picture, Unreadable
from partsight.walk import LeftOut, Unlisted

__all__ = ["pictures_below"]


def pictures_below(folder: Path, left_out: LeftOut) -> Iterator[Input]:
    """An input for each image file, see ``partsight.pictures.pictures_below``.

    Yields:
        A picture for each file whose name says that it is one, and what cannot be listed.
    """
    for entry in pictures.pictures_below(folder, left_out):
        if isinstance(entry, Unlisted):
            yield Unreadable(str(entry.path), entry.reason)
        else:
            yield Picture(str(entry), entry)
