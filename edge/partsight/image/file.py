"""Reads an image file completely, and only if it is not being written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from partsight.errors import ImageError
from partsight.utils.limits import MAX_IMAGE_BYTES

__all__ = ["read_image_file"]


def read_image_file(path: Path) -> tuple[bytes, os.stat_result]:
    """Read an image file.

    Returns:
        Its bytes and its status.

    Raises:
        ImageError: it is missing, not a file, too large, or was written to while it was read.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as stream:
            before = os.fstat(stream.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise ImageError("not a file: expected an image, received a device or a pipe")
            if before.st_size > MAX_IMAGE_BYTES:
                raise ImageError(f"too large: {before.st_size} bytes, at most {MAX_IMAGE_BYTES}")
            # One more byte shows that it grew; a buffer for the largest file would cost time.
            data = stream.read(before.st_size + 1)
            after = os.fstat(stream.fileno())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"the file cannot be read: {reason}") from error
    if len(data) != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
        raise ImageError("the file was written to while it was read; classify it again")
    return data, after


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the writer of a named pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
