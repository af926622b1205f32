"""Pictures in a folder and below it, whatever their number and however its links lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from partsight.inputs.base import Input, Picture, Unreadable
from partsight.pictures import is_picture

__all__ = ["pictures_below"]

# Device and inode: what a folder is, whatever it is called.
_Identity = tuple[int, int]


def pictures_below(folder: Path) -> Iterator[Input]:
    """The pictures in a folder and below it, by name; no more than one folder is listed ahead.

    Folders that links lead to are gone through too, but none from within itself.

    Yields:
        A picture a file whose name says that it is one, and what cannot be read.
    """
    # Not recursive: folders may lie deeper than Python calls.
    todo: list[tuple[Path, frozenset[_Identity]]] = [(folder, frozenset())]
    while todo:
        path, around = todo.pop()
        if not os.path.isdir(path):
            if is_picture(path):
                yield Picture(str(path), path)
            continue
        try:
            identity = _identity(path)
            if identity in around:
                yield Unreadable(str(path), "a link to a folder that it lies in is not followed")
                continue
            names = sorted(os.listdir(path), reverse=True)
        except OSError as error:
            yield Unreadable(str(path), f"the folder cannot be read: {error.strerror or error}")
            continue
        within = around | {identity}
        todo.extend((path / name, within) for name in names)


def _identity(folder: Path) -> _Identity:
    status = folder.stat()
    return status.st_dev, status.st_ino
