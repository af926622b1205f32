"""How much room a disk has."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["free_bytes"]


def free_bytes(place: Path) -> int:
    """Room for this user on the disk of a folder, or of the nearest above it that is there.

    Raises:
        OSError: the disk does not tell.
    """
    for folder in (place, *place.absolute().parents):
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue
    raise FileNotFoundError(f"{place}: no folder above it is there")
