"""Picture files: found in folders, read ahead in parallel, handed on in order.

Used wherever files are worked through: batch, evaluation, training, calibration.
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

# Of image files that are read; see ``picture.formats``.
IMAGE_SUFFIXES = IMAGE_ENDINGS


def is_image_file(path: PurePath) -> bool:
    """Whether a file's name says that it is an image; names that are ignored are not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_ignored(path.name)


def image_files_below(folder: Path, left_out: LeftOut) -> Iterator[Path | Unlisted]:
    """The image files in a folder and below it, by name, and folders that cannot be listed.

    Args:
        folder: see ``walk``.
        left_out: collects the other files, and the folders that were yielded.
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
    """The image files that ``paths`` stand for.

    A file stands for itself, whatever its name, also where it does not exist, so that
    the run names it. A folder stands for the image files in it and below it, by name.

    Args:
        paths: files and folders.
        left_out: collects what in the folders is not read.

    Raises:
        DatasetError: there is none.
    """
    paths, left_out = list(paths), left_out or LeftOut()
    found = [
        image for path in paths for image in (_below(path, left_out) if path.is_dir() else [path])
    ]
    if not found:
        raise no_image_files(", ".join(map(str, paths)), left_out)
    return found


def no_image_files(where: str, left_out: LeftOut) -> DatasetError:
    """The error for inputs without any image file; tells what there was instead."""
    unlisted = [f"{path}: {reason}" for path, reason in left_out.unreadable.items()]
    received = "; ".join(filter(None, [left_out.text(), *unlisted])) or "received none"
    return DatasetError(
        f"no pictures in {where}: expected files ending in "
        f"{', '.join(sorted(IMAGE_SUFFIXES))}; {received}. Check the path."
    )


def sub_folders(folder: Path, left_out: LeftOut) -> list[Path]:
    """The folders in a folder, and links to such, by name; ignored names are left out.

    Args:
        folder: what is listed.
        left_out: collects the files in it, and links to a folder that they lie in.

    Raises:
        DatasetError: no such folder, or one that cannot be listed.
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
            left_out.count(child, " beside the sub-folders" if is_image_file(child) else "")
        elif lies_in_itself(child):
            left_out.cycle(child)
        else:
            found.append(child)
    return found


def read_images(
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
    return parallel_map(functools.partial(_try_decode, spec=spec), paths)


def measure_depth(paths: Iterable[Path]) -> int | None:
    """The significant bits of a set's files with 16 bits per sample; None where it has none.

    Files that cannot be read are passed over: whoever decodes them next names them.
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
