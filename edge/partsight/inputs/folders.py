"""Image files in a folder and below it as inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from partsight.image_files.read import image_files_below
from partsight.image_files.walk import LeftOut, Unlisted
from partsight.inputs.base import Input, InputImage, Unreadable

__all__ = ["inputs_below"]


def inputs_below(folder: Path, left_out: LeftOut) -> Iterator[Input]:
    """An input for each image file, see ``partsight.image_files.read.image_files_below``.

    Yields:
        An image for each image file, and folders that cannot be listed. A link to a folder that
        contains it is a note in ``left_out``.
    """
    for entry in image_files_below(folder, left_out):
        if isinstance(entry, Unlisted):
            if entry.is_cycle:
                continue  # no image is missed; counted in ``left_out``
            yield Unreadable(str(entry.path), entry.reason)
        else:
            yield InputImage(str(entry), entry)
