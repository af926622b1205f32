"""The system's limit on the memory of this process."""

from __future__ import annotations

__all__ = ["memory_limit", "memory_limit_note"]


def memory_limit() -> tuple[str, int] | None:
    """The name and bytes of the limit on this process's memory, or None without a limit.

    The limit on address space (``ulimit -v``) comes first: libraries need more of it than of data.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return None
    for name, kind in (("ulimit -v", resource.RLIMIT_AS), ("ulimit -d", resource.RLIMIT_DATA)):
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            return name, soft
    return None


def memory_limit_note() -> str:
    """A sentence for an error message: the limit, or the advice to free memory."""
    limit = memory_limit()
    if limit is None:
        return "Free memory on this machine, or use one with more."
    name, size = limit
    mebibytes = size / 2**20
    return f"The memory of this process is limited to {mebibytes:.0f} MiB ({name}). Raise it."
