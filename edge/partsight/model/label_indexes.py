"""Sorts labels by the indexes of their outputs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

__all__ = ["by_index"]


def by_index(pairs: Iterable[tuple[int, str]]) -> list[str]:
    """The labels sorted by their indexes, which are 0 to K - 1 or 1 to K.

    Raises:
        ValueError: an index is missing or a duplicate.
    """
    ordered = sorted(pairs)
    indexes = [index for index, _ in ordered]
    twice = next((a for a, b in itertools.pairwise(indexes) if a == b), None)
    if twice is not None:
        raise ValueError(f"index {twice} occurs twice: expected each of 0 to {len(indexes) - 1}")
    first = 1 if indexes and indexes[0] == 1 else 0
    expected = range(first, first + len(indexes))
    missing = next((n for n, index in zip(expected, indexes, strict=True) if n != index), None)
    if missing is not None:
        raise ValueError(
            f"index {missing} is missing: expected {first} to {expected[-1]}, received "
            f"{', '.join(map(str, indexes[:8]))}. If the numbers are part of the labels, write an "
            f"index in front of each, as in '0 {indexes[0]} {ordered[0][1]}'"
        )
    return [label for _, label in ordered]
