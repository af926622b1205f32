"""Free space of a disk."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["free_bytes"]


def free_bytes(path: Path) -> int:
    """Free bytes for this user on the disk of a folder.

    If the folder does not exist, its nearest existing parent counts.

    Raises:
        OSError: the free space cannot be read.
    """
    for folder in (path, *path.absolute().parents):
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue
    raise FileNotFoundError(f"{path}: none of its parent folders exists")
