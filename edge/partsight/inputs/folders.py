"""Image files in a folder and below it as inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from partsight.image_files.read import pictures_below
from partsight.image_files.walk import LeftOut, Unlisted
from partsight.inputs.base import Input, Picture, Unreadable

__all__ = ["inputs_below"]


def inputs_below(folder: Path, left_out: LeftOut) -> Iterator[Input]:
    """An input for each image file, see ``partsight.image_files.read.pictures_below``.

    Yields:
        A picture for each file whose name says that it is one, and what cannot be listed. A
        link to a folder that it lies in is a note in ``left_out``.
    """
    for entry in pictures_below(folder, left_out):
        if isinstance(entry, Unlisted):
            if entry.is_cycle:
                continue  # no image is missed; counted in ``left_out``
            yield Unreadable(str(entry.path), entry.reason)
        else:
            yield Picture(str(entry), entry)
