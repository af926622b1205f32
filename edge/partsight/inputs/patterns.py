"""Paths that match a pattern such as ``captured/**/*.jpg``.

``glob`` follows circular links below ``**``, which may take unlimited time. Here such patterns use
``walk``, which enters no folder within itself.
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
    """The paths that match a pattern, by name; ignored names match only if it contains them.

    Yields:
        Files; folders that cannot be listed; and folders, for a pattern without ``**``.
    """
    parts = Path(pattern).parts
    if _DEEP not in parts:
        yield from (Path(name) for name in sorted(glob.glob(pattern)) if _is_included(name, parts))
        return
    place = parts.index(_DEEP)
    around = Path(*parts[:place])
    roots = sorted(glob.glob(str(around))) if place else [os.curdir]
    for root in (Path(name) for name in roots if _is_included(name, parts)):
        if root.is_dir():
            yield from _below(root, parts[place:])


def _below(root: Path, parts: Sequence[str]) -> Iterator[Path | Unlisted]:
    for entry in walk(root, spelled=frozenset(parts)):
        if isinstance(entry, Unlisted):
            if not entry.is_cycle:
                yield entry
        elif _matches(entry.relative_to(root).parts, parts):
            yield entry


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether path components match a pattern; ``**`` matches any number of folders."""
    ends = {0}  # possible numbers of names that are matched so far
    for number, pattern in enumerate(patterns, 1):
        if pattern == _DEEP:
            ends = set(range(min(ends), len(names) + (number == len(patterns))))
        else:
            open_ends = (end for end in ends if end < len(names))
            ends = {end + 1 for end in open_ends if fnmatch.fnmatchcase(names[end], pattern)}
        if not ends:
            return False
    return len(names) in ends


def _is_included(path: str, spelled: Sequence[str]) -> bool:
    """Whether a path has no ignored names except those that the pattern contains."""
    return not any(is_ignored(name) and name not in spelled for name in Path(path).parts)
