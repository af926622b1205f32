"""The largest inputs that are read; larger ones are refused before they take memory.

One limit per quantity, for every way in: files, archives, streams, models, requests and messages.
``docs/robustness.md`` shows them as a table, which a test compares with this module.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_ARCHIVE_MEMBERS",
    "MAX_IMAGE_BYTES",
    "MAX_LIST_BYTES",
    "MAX_MESSAGE_BYTES",
    "MAX_MODEL_BYTES",
    "MAX_NAME_BYTES",
    "MAX_PIXELS",
    "MAX_TAR_HEADER_BYTES",
    "MAX_UNPACKED_BYTES",
    "shown_bytes",
]

_MEBIBYTE: Final = 1 << 20

# As RGB 300 MB, which a small device can just spare, and twice the largest sensors on production
# lines.
MAX_PIXELS: Final = 100_000_000

# An uncompressed colour image of 89 million pixels of 8 bits, or 44 million of 16 bits.
MAX_IMAGE_BYTES: Final = 256 * _MEBIBYTE

# The largest network that TF Hub has for images is 350 MB as float32.
MAX_MODEL_BYTES: Final = 512 * _MEBIBYTE

# A text that is read as a whole, such as a label file: a million rows of 64 bytes. Lists of
# images are read row by row.
MAX_LIST_BYTES: Final = 64 * _MEBIBYTE

# A trigger message or the body of a request: a part id of 100 characters and some structure.
MAX_MESSAGE_BYTES: Final = 4096

# A backbone's archive: number of files and folders, bytes after unpacking, and bytes of a name.
MAX_ARCHIVE_MEMBERS: Final = 10_000
MAX_UNPACKED_BYTES: Final = 4096 * _MEBIBYTE
# PATH_MAX of Linux.
MAX_NAME_BYTES: Final = 4096
# A header of a tar that holds a long name or other attributes of the next member.
MAX_TAR_HEADER_BYTES: Final = 64 * 1024


def shown_bytes(size: int) -> str:
    """A number of bytes for a message, such as ``256 MiB``."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", _MEBIBYTE), ("KiB", 1024)):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size} bytes"
