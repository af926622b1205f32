"""Reads a file into memory only if it is not larger than a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from partsight.utils.limits import shown_bytes

__all__ = ["TooLarge", "read_bounded"]

_BLOCK = 1 << 20


class TooLarge(ValueError):
    """A file is larger than the limit; the message has both sizes."""


def read_bounded(path: Path, most: int) -> bytes:
    """Read a file of at most ``most`` bytes; a sparse file counts with its holes.

    Raises:
        OSError: it cannot be read.
        TooLarge: it has more bytes. A regular file is then not read at all.
    """
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode):
            if status.st_size > most:
                raise TooLarge(f"{status.st_size} bytes: expected at most {shown_bytes(most)}")
            return stream.read(status.st_size)
        # A pipe: read in blocks, as a buffer for the largest file would take its memory.
        blocks: list[bytes] = []
        size = 0
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > most:
                raise TooLarge(f"more than {shown_bytes(most)}: expected at most that")
            blocks.append(block)
        return b"".join(blocks)
