"""Opens the inputs that the user names on the command line.

Inputs come one at a time and always in the same order, so that a stopped run can be resumed.
Unreadable inputs are reported and the run continues.
"""

from __future__ import annotations

import glob
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from partsight.config.source_address import local_path
from partsight.image_files.media import is_video
from partsight.image_files.walk import LeftOut, Unlisted
from partsight.inputs.addresses import is_address, refused_address
from partsight.inputs.archives import images_in_tar, images_in_zip
from partsight.inputs.base import Input, InputImage, Unreadable
from partsight.inputs.folders import inputs_below
from partsight.inputs.lists import path_on_disk, paths_in_stream, paths_in_table, paths_in_text
from partsight.inputs.patterns import matches

__all__ = ["STDIN", "entries", "open_inputs", "images_at"]

STDIN = "-"

_LISTS: dict[str, Callable[[Path], Iterator[str]]] = {
    ".txt": paths_in_text,
    ".csv": paths_in_table,
}
_ARCHIVES: dict[str, Callable[[Path, LeftOut], Iterator[Input]]] = {
    ".zip": images_in_zip,
    **dict.fromkeys((".tar", ".tgz", ".tbz2", ".txz"), images_in_tar),
    **dict.fromkeys((".tar.gz", ".tar.bz2", ".tar.xz"), images_in_tar),
}


def open_inputs(
    paths: Iterable[str], every: int = 1, left_out: LeftOut | None = None
) -> Iterator[Input]:
    """The images at paths.

    Args:
        paths: each a file, a folder, a pattern such as ``captured/**/*.jpg``, a list of paths
            (``.txt``, ``.csv``), an archive, a video (see ``is_video``), a ``file:`` URL, or
            ``-`` for a list on stdin. A path that does not exist counts as a file, so that reading
            it reports the error. An address of a camera or store is named without its secrets.
        every: interval of the frames that are used of a video; 1 uses all.
        left_out: collects files in folders and archives that are not read.

    Yields:
        Images and unreadable inputs, in the order of ``paths``, by name within a folder or a
        pattern.
    """
    left_out = left_out or LeftOut()
    for entry in entries(paths):
        if isinstance(entry, Unreadable):
            yield entry
        else:
            yield from images_at(entry, left_out, every)


def entries(paths: Iterable[str]) -> Iterator[str | Unreadable]:
    """The paths, with each list replaced by its entries; see ``open_inputs``."""
    for path in paths:
        if path == STDIN:
            yield from _of_list(STDIN, paths_in_stream(sys.stdin.buffer))
        elif is_address(path):
            yield path
        elif (read := _LISTS.get(os.path.splitext(path)[1].lower())) and not os.path.isdir(path):
            yield from _of_list(path, read(Path(path)))
        else:
            yield path


def _of_list(name: str, paths: Iterator[str]) -> Iterator[str | Unreadable]:
    try:
        yield from filter(None, map(path_on_disk, paths))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        yield Unreadable(name, f"the list cannot be read completely: {reason}")


def images_at(name: str, left_out: LeftOut, every: int = 1) -> Iterator[Input]:
    """The images at one path, which is not a list; see ``open_inputs``."""
    if (refused := refused_address(name)) is not None:
        yield refused
        return
    name = local_path(name)
    path = Path(name)
    # Not Path.is_dir: in some versions of Python it raises for invalid names.
    if os.path.isdir(path):
        yield from inputs_below(path, left_out)
    elif glob.has_magic(name) and not os.path.exists(path):
        yield from _of_pattern(name, left_out, every)
    else:
        yield from _of_file(path, left_out, every)


def _of_pattern(pattern: str, left_out: LeftOut, every: int) -> Iterator[Input]:
    found = matches(pattern)
    first = next(found, None)
    if first is None:
        yield Unreadable(pattern, "nothing matches the pattern")
        return
    for entry in itertools.chain([first], found):
        if isinstance(entry, Unlisted):
            yield Unreadable(str(entry.path), entry.reason)
        elif os.path.isdir(entry):
            yield from inputs_below(entry, left_out)
        else:
            yield from _of_file(entry, left_out, every)


def _of_file(path: Path, left_out: LeftOut, every: int) -> Iterator[Input]:
    endings = [suffix.lower() for suffix in path.suffixes[-2:]]
    for ending in ("".join(endings), *endings[-1:]):
        if ending in _ARCHIVES:
            yield from _ARCHIVES[ending](path, left_out)
            return
    if is_video(path):
        from partsight.inputs.videos import frames_of_video

        yield from frames_of_video(path, every)
        return
    yield InputImage(str(path), path)
