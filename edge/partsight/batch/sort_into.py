"""Pictures sorted by verdict and label, for people who look through them.

Enters: outcomes of a run. Leaves: ``DIR/reject/defected/part7-0123456789abcdef.jpg``: links to the
pictures where they are files, else files.
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
    """An observer of a run.

    Args:
        folder: gets the folders; what is in it is left alone.
        copy: whether files are copied, not linked.
    """

    def __init__(self, folder: Path, *, copy: bool = False) -> None:
        self._folder, self._copy = folder, copy

    def __call__(self, outcome: ClassifiedInput) -> None:
        """Sort one picture in; one without a verdict is not.

        Raises:
            ImageError: it is no longer there.
            OutputError: it cannot be written.
        """
        taken, row = outcome.taken, outcome.row
        if row["verdict"] is None or not isinstance(taken, InputImage):
            return
        is_frame = isinstance(taken.content, np.ndarray)
        name = distinct_name(taken.name, ".png" if is_frame else Path(taken.name).suffix)
        destination = self._folder / row["verdict"] / _folder_name(row["label"]) / name
        if os.path.lexists(destination):
            return  # of this run before it was stopped
        if isinstance(taken.content, Path) and not self._copy:
            _link(destination, taken.content)
        else:
            write_atomic(destination, _data(taken.content))


def _link(destination: Path, image: Path) -> None:
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.symlink_to(image.absolute())
    except OSError as error:
        raise OutputError(
            f"cannot link {destination}: {error.strerror or error}. Choose a place that is "
            "writable and knows links, or copy by --copy."
        ) from error


def _data(content: Content) -> bytes:
    if isinstance(content, np.ndarray):
        return encode(content, "png")
    return content if isinstance(content, bytes) else read_image_file(content)[0]


def _folder_name(label: str) -> str:
    """A label is what its maker wrote; a folder of its name must lie in its place."""
    return re.sub(r"[^\w .+-]", "_", label).strip(". ")[:100] or "_"
