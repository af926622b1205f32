"""Anonymous files in memory: no writable folder is needed, and nothing is left behind."""

from __future__ import annotations

import os
import tempfile

__all__ = ["memory_file"]


def memory_file(name: str) -> int:
    """Open an empty file that lies in memory where the system can, else in a temporary folder.

    Args:
        name: shown in /proc, for people.

    Returns:
        A descriptor, not inherited by child processes; the caller closes it.

    Raises:
        OSError: no descriptor, memory or temporary folder is left.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC)
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryFile(dir=folder) as file:  # has no name either
        return os.dup(file.fileno())
