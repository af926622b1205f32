"""From what stands on a command line to pictures.

Enters: paths. Leaves: pictures, one at a time and always in the same order, so that a run that was
stopped finds its place. What cannot be read is named and the run goes on.
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
from partsight.inputs.archives import pictures_in_tar, pictures_in_zip
from partsight.inputs.base import Input, Picture, Unreadable
from partsight.inputs.folders import inputs_below
from partsight.inputs.lists import path_on_disk, paths_in_stream, paths_in_table, paths_in_text
from partsight.inputs.patterns import matches

__all__ = ["STDIN", "entries", "open_inputs", "pictures_at"]

STDIN = "-"

_LISTS: dict[str, Callable[[Path], Iterator[str]]] = {
    ".txt": paths_in_text,
    ".csv": paths_in_table,
}
_ARCHIVES: dict[str, Callable[[Path, LeftOut], Iterator[Input]]] = {
    ".zip": pictures_in_zip,
    **dict.fromkeys((".tar", ".tgz", ".tbz2", ".txz"), pictures_in_tar),
    **dict.fromkeys((".tar.gz", ".tar.bz2", ".tar.xz"), pictures_in_tar),
}


def open_inputs(
    paths: Iterable[str], every: int = 1, left_out: LeftOut | None = None
) -> Iterator[Input]:
    """The pictures that paths stand for.

    Args:
        paths: each a file, a folder, a pattern such as ``captured/**/*.jpg``, a list of paths
            (``.txt``, ``.csv``), an archive, a video (see ``is_video``), a ``file:`` URL, or
            ``-`` for a list on stdin. Any other file stands for itself, also where there is none,
            so that it is named. An address of a camera or store is named without its secrets.
        every: of a video's frames, each so many are taken.
        left_out: collects what in folders and archives is not read.

    Yields:
        Pictures and what cannot be read, in the order of ``paths``, by name within a folder or
        a pattern.
    """
    left_out = left_out or LeftOut()
    for entry in entries(paths):
        if isinstance(entry, Unreadable):
            yield entry
        else:
            yield from pictures_at(entry, left_out, every)


def entries(paths: Iterable[str]) -> Iterator[str | Unreadable]:
    """The paths, and in the place of a list those in it; see ``open_inputs``."""
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
        yield Unreadable(name, f"the list cannot be read, or no further: {reason}")


def pictures_at(name: str, left_out: LeftOut, every: int = 1) -> Iterator[Input]:
    """The pictures that one path stands for, which is no list; see ``open_inputs``."""
    if (refused := refused_address(name)) is not None:
        yield refused
        return
    name = local_path(name)
    path = Path(name)
    # Not Path's own: some versions of Python raise for names that no file can have.
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
    yield Picture(str(path), path)
