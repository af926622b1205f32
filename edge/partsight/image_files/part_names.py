"""File names that say which part they show: ``part17_nohash_2.jpg`` is an image of ``part17``."""

from __future__ import annotations

__all__ = ["SHOT_MARK", "part_in_name"]

# The text before this mark names the part, the text after it the image. Images of one part are
# kept in one split.
SHOT_MARK = "_nohash_"


def part_in_name(file_name: str) -> str | None:
    """Return the part that a file name gives, or None if the name has no mark."""
    part, mark, _ = file_name.partition(SHOT_MARK)
    return part if mark else None
