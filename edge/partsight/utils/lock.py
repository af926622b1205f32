"""Locks between processes."""

from __future__ import annotations

from typing import IO, Any

__all__ = ["lock_file"]


def lock_file(stream: IO[Any] | int, *, wait: bool = True) -> bool:
    """Lock an open file against other processes until it is closed or this process ends.

    Args:
        stream: the open file, or the descriptor of a folder.
        wait: whether to wait for a process that holds the lock.

    Returns:
        Whether the lock was acquired; on Windows, which has no such locks, always True.

    Raises:
        OSError: the file system does not support locks.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
