"""Anonymous files in memory, which need no writable folder and leave nothing behind."""

from __future__ import annotations

import os
import tempfile

__all__ = ["memory_file"]


def memory_file(name: str) -> int:
    """Open an empty file in memory, or in a temporary folder if the system has no such files.

    Args:
        name: shown in /proc, for people.

    Returns:
        A file descriptor, not inherited by child processes; the caller closes it.

    Raises:
        OSError: no descriptor, memory or temporary folder is available.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC)
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())
