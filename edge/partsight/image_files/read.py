"""Finds image files in folders and decodes them in parallel, in order.

Used for batch, evaluation, training and calibration.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from partsight.errors import DatasetError, ImageError
from partsight.image.decode import decode, read_samples
from partsight.image.depth import Samples, choose_depth, is_settled, may_be_wide
from partsight.image.formats import IMAGE_ENDINGS
from partsight.image.spec import PreprocessSpec
from partsight.image_files.walk import LeftOut, Unlisted, is_ignored, lies_in_itself, walk
from partsight.utils.parallel_map import parallel_map

__all__ = [
    "IMAGE_SUFFIXES",
    "find_image_files",
    "is_image_file",
    "measure_depth",
    "no_image_files",
    "image_files_below",
    "read_images",
    "sub_folders",
]

# Endings of supported image files; see ``image.formats``.
IMAGE_SUFFIXES = IMAGE_ENDINGS


def is_image_file(path: PurePath) -> bool:
    """Whether a file has the name of an image and is not ignored."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_ignored(path.name)


def image_files_below(folder: Path, left_out: LeftOut) -> Iterator[Path | Unlisted]:
    """The image files in a folder and below it, by name, and folders that cannot be listed.

    Args:
        folder: see ``walk``.
        left_out: collects the other files, and the folders that cannot be listed.
    """
    for entry in walk(folder):
        if isinstance(entry, Unlisted):
            left_out.unlisted.append(entry)
            yield entry
        elif is_image_file(entry):
            yield entry
        else:
            left_out.count(entry)


def find_image_files(paths: Iterable[Path], left_out: LeftOut | None = None) -> list[Path]:
    """The given files, and the image files in the given folders and below them, by name.

    A path that does not exist counts as a file, so that reading it reports the error.

    Args:
        paths: files and folders.
        left_out: collects files in the folders that are not read.

    Raises:
        DatasetError: there are none.
    """
    paths, left_out = list(paths), left_out or LeftOut()
    found = [
        image for path in paths for image in (_below(path, left_out) if path.is_dir() else [path])
    ]
    if not found:
        raise no_image_files(", ".join(map(str, paths)), left_out)
    return found


def no_image_files(where: str, left_out: LeftOut) -> DatasetError:
    """The error for inputs without any image file; it lists the other files."""
    unlisted = [f"{path}: {reason}" for path, reason in left_out.unreadable.items()]
    received = "; ".join(filter(None, [left_out.text(), *unlisted])) or "received none"
    return DatasetError(
        f"no pictures in {where}: expected files ending in "
        f"{', '.join(sorted(IMAGE_SUFFIXES))}; {received}. Check the path."
    )


def sub_folders(folder: Path, left_out: LeftOut) -> list[Path]:
    """The folders in a folder, including links to folders, by name; ignored names are left out.

    Args:
        folder: to list.
        left_out: collects the files in it, and links to one of its parents.

    Raises:
        DatasetError: the folder does not exist or cannot be listed.
    """
    if not folder.is_dir():
        raise DatasetError(
            f"{folder} is not a folder. Expected one with a sub-folder per label, "
            "such as defected/ and healthy/."
        )
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise DatasetError(f"cannot read the folder {folder}: {error.strerror or error}") from error
    found = []
    for child in (folder / name for name in names if not is_ignored(name)):
        if not child.is_dir():
            left_out.count(child, " next to the sub-folders" if is_image_file(child) else "")
        elif lies_in_itself(child):
            left_out.cycle(child)
        else:
            found.append(child)
    return found


def read_images(
    paths: Iterable[Path], spec: PreprocessSpec
) -> Iterator[tuple[Path, NDArray[np.uint8] | ImageError]]:
    """Decode image files in advance, with one thread per core.

    Args:
        paths: the files.
        spec: the preprocessing that follows.

    Yields:
        Each path with its image, uint8 (H, W, 3) BGR, or the error; in the order of ``paths``.
        Only a few images per core are in memory at a time.
    """
    return parallel_map(functools.partial(_try_decode, spec=spec), paths)


def measure_depth(paths: Iterable[Path]) -> int | None:
    """The significant bits of a set's files with 16 bits per sample; None if it has none.

    Files that cannot be read are skipped; decoding them reports the error.
    """
    found: list[Samples] = []
    for _, samples in parallel_map(read_samples, filter(may_be_wide, paths)):
        if samples is not None:
            found.append(samples)
            if is_settled(samples):
                break
    return choose_depth(found)


def _try_decode(path: Path, spec: PreprocessSpec) -> NDArray[np.uint8] | ImageError:
    try:
        return decode(path, spec)
    except ImageError as error:
        return error


def _below(folder: Path, left_out: LeftOut) -> list[Path]:
    return [each for each in image_files_below(folder, left_out) if isinstance(each, Path)]
