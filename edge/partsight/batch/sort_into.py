"""Sorts images into folders by verdict and label, such as
``DIR/reject/defected/part7-0123456789abcdef.jpg``: links to files, or copies of other inputs.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from partsight.batch.run import ClassifiedInput
from partsight.errors import OutputError
from partsight.image.encode import encode
from partsight.image.file import read_image_file
from partsight.inputs.base import Content, InputImage
from partsight.utils.files import distinct_name, write_atomic

__all__ = ["SortInto"]


class SortInto:
    """Observer of a run that sorts its images.

    Args:
        folder: parent of the new folders; existing files in it stay.
        copy: whether files are copied instead of linked.
    """

    def __init__(self, folder: Path, *, copy: bool = False) -> None:
        self._folder, self._copy = folder, copy

    def __call__(self, outcome: ClassifiedInput) -> None:
        """Link or copy one image, if it has a verdict.

        Raises:
            ImageError: the file can no longer be read.
            OutputError: the link or copy cannot be written.
        """
        item, row = outcome.item, outcome.row
        if row["verdict"] is None or not isinstance(item, InputImage):
            return
        is_frame = isinstance(item.content, np.ndarray)
        name = distinct_name(item.name, ".png" if is_frame else Path(item.name).suffix)
        destination = self._folder / row["verdict"] / _folder_name(row["label"]) / name
        if os.path.lexists(destination):
            return  # written by this run before it was stopped
        if isinstance(item.content, Path) and not self._copy:
            _link(destination, item.content)
        else:
            write_atomic(destination, _data(item.content))


def _link(destination: Path, image: Path) -> None:
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.symlink_to(image.absolute())
    except OSError as error:
        raise OutputError(
            f"cannot link {destination}: {error.strerror or error}. Choose a writable folder on "
            "a file system with links, or use --copy."
        ) from error


def _data(content: Content) -> bytes:
    if isinstance(content, np.ndarray):
        return encode(content, "png")
    return content if isinstance(content, bytes) else read_image_file(content)[0]


def _folder_name(label: str) -> str:
    """A safe folder name for a label, which may contain any characters."""
    return re.sub(r"[^\w .+-]", "_", label).strip(". ")[:100] or "_"
