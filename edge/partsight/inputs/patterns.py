"""Paths that match a pattern such as ``captured/**/*.jpg``.

``glob`` follows links below ``**`` in circles, which takes for ever where two of them cross. Here
such patterns go by ``walk``, which enters no folder within itself.
"""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from partsight.image_files.walk import Unlisted, is_ignored, walk

__all__ = ["matches"]

_DEEP = "**"


def matches(pattern: str) -> Iterator[Path | Unlisted]:
    """The paths that a pattern stands for, by name; without ignored names, unless it spells them.

    Yields:
        Files, for a pattern without ``**`` folders too, and folders that cannot be listed.
    """
    parts = Path(pattern).parts
    if _DEEP not in parts:
        yield from (Path(name) for name in sorted(glob.glob(pattern)) if _is_met(name, parts))
        return
    place = parts.index(_DEEP)
    around = Path(*parts[:place])
    roots = sorted(glob.glob(str(around))) if place else [os.curdir]
    for root in (Path(name) for name in roots if _is_met(name, parts)):
        if root.is_dir():
            yield from _below(root, parts[place:])


def _below(root: Path, parts: Sequence[str]) -> Iterator[Path | Unlisted]:
    for entry in walk(root, spelled=frozenset(parts)):
        if isinstance(entry, Unlisted):
            if not entry.is_cycle:
                yield entry
        elif _fits(entry.relative_to(root).parts, parts):
            yield entry


def _fits(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether names match a pattern's parts; ``**`` stands for any number of folders."""
    ends = {0}  # how many of the names the parts so far may have matched
    for number, part in enumerate(parts, 1):
        if part == _DEEP:
            ends = set(range(min(ends), len(names) + (number == len(parts))))
        else:
            fitting = (end for end in ends if end < len(names))
            ends = {end + 1 for end in fitting if fnmatch.fnmatchcase(names[end], part)}
        if not ends:
            return False
    return len(names) in ends


def _is_met(name: str, spelled: Sequence[str]) -> bool:
    """Whether a walk would come by a match; a name that the pattern spells is."""
    return not any(is_ignored(part) and part not in spelled for part in Path(name).parts)
