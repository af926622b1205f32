"""Picture files: found in folders, read ahead in parallel, handed on in order.

Used wherever files are worked through: batch, evaluation, training, calibration.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from partsight.ahead import worked_ahead
from partsight.errors import DatasetError, ImageError
from partsight.picture.decode import decode
from partsight.picture.spec import PreprocessSpec

__all__ = ["PICTURE_SUFFIXES", "find_pictures", "is_picture", "label_folders", "read_pictures"]

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm"}
)


def is_picture(path: PurePath) -> bool:
    """Whether a file's name says that it is a picture; hidden files are not."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


def find_pictures(paths: Iterable[Path]) -> list[Path]:
    """The pictures that ``paths`` stand for.

    A file stands for itself, whatever its name, also where it does not exist, so that
    the run names it. A folder stands for the pictures in it and below it, by name.

    Raises:
        DatasetError: there is nothing.
    """
    paths = list(paths)
    found = [picture for path in paths for picture in (_below(path) if path.is_dir() else [path])]
    if not found:
        raise DatasetError(
            f"no pictures in {', '.join(map(str, paths))}: expected files ending in "
            f"{', '.join(sorted(PICTURE_SUFFIXES))}, received none. Check the path."
        )
    return found


def label_folders(folder: Path) -> dict[str, list[Path]]:
    """Labelled pictures: each sub-folder is a label, by name; hidden ones are left out.

    Returns:
        Label to its pictures, sub-folders of the label's folder included; a label with
        no pictures is there with none.

    Raises:
        DatasetError: no such folder.
    """
    if not folder.is_dir():
        raise DatasetError(
            f"{folder} is not a folder. Expected one with a sub-folder a label, "
            "such as defected/ and healthy/."
        )
    children = sorted(child for child in folder.iterdir() if child.is_dir())
    return {child.name: _below(child) for child in children if not child.name.startswith(".")}


def read_pictures(
    paths: Iterable[Path], spec: PreprocessSpec
) -> Iterator[tuple[Path, NDArray[np.uint8] | ImageError]]:
    """Decode pictures ahead of their use, one thread a core.

    Args:
        paths: the files.
        spec: what they are decoded for.

    Yields:
        Each path with its picture, uint8 (H, W, 3) BGR, or the reason for none; in the
        order of ``paths``. A few pictures a core are held at a time, however many come.
    """
    return worked_ahead(functools.partial(_try_decode, spec=spec), paths)


def _try_decode(path: Path, spec: PreprocessSpec) -> NDArray[np.uint8] | ImageError:
    try:
        return decode(path, spec)
    except ImageError as error:
        return error


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if is_picture(path) and not path.is_dir())
