"""How much memory this process may use, as far as the system limits it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from partsight.errors import EnvironmentFault

__all__ = ["memory_fault", "memory_limit", "memory_limit_note", "require_memory"]

# As the dynamic linker, C++, OpenCV and the operating system report a failed allocation.
_SIGNS = (
    *("failed to map segment", "cannot allocate", "out of memory", "insufficient memory"),
    *("bad_alloc", "cannot create shared object descriptor"),
)
# Address space for a model and images, measured with the shipped model, and for a thread.
_MODEL_BYTES, _STACK_BYTES = 32 * 2**20, 8 * 2**20


def memory_limit() -> tuple[str, int] | None:
    """The name and bytes of the limit on this process's memory, or None where there is none.

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
    """A sentence with the limit for an error message; with none, free memory is the matter."""
    limit = memory_limit()
    if limit is None:
        return "Free memory on this machine, or use one with more."
    name, size = limit
    mebibytes = size / 2**20
    return f"The memory of this process is limited to {mebibytes:.0f} MiB ({name}). Raise it."


def require_memory() -> None:
    """Refuse to run a model in a process whose memory limit leaves too little for it.

    Called after libraries are loaded. With less, native code aborts, and Python waits forever for
    a thread whose stack gets no memory.

    Raises:
        EnvironmentFault: too little is left.
    """
    limit, used = memory_limit(), _used_bytes()
    if limit is None or used is None or limit[0] != "ulimit -v":
        return
    needed = used + _MODEL_BYTES + _STACK_BYTES * (os.cpu_count() or 1)
    if limit[1] < needed:
        raise EnvironmentFault(
            f"not enough memory to run a model: expected {needed / 2**20:.0f} MiB or more. "
            f"{memory_limit_note()}"
        )


def _used_bytes() -> int | None:
    """Address space of this process; None where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def memory_fault(error: BaseException) -> str | None:
    """What could not get memory, by an error or what caused it; None for any other error.

    Libraries hide the cause: NumPy raises an error about its source directory, and Python's own
    code a ``SystemError`` without a reason.
    """
    fault = None
    for each in _causes(error):  # the last one says what was loaded
        text = " ".join(str(each).split())
        if any(sign in text.lower() for sign in _SIGNS):
            fault = text.rstrip(".")
        elif isinstance(each, MemoryError) or (
            isinstance(each, SystemError) and memory_limit() is not None
        ):
            fault = "out of memory"
    return fault


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
