"""Secrets among the arguments of this process, where every user of the machine sees them by ``ps``.

A password in ``--source`` or ``--backbone`` is in the arguments before this program runs: it can
only shorten the time for which it is there. Give it by ``password_file`` where others log in.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from partsight.utils.redaction import redact_argument

__all__ = ["hide_arguments", "without_secrets_padded"]

# Fields of proc_pid_stat(5), counted from the one behind the name of the program.
_ARG_START, _ARG_END = 45, 46


def hide_arguments() -> None:
    """Overwrite secret parts of this process's arguments; on Linux, elsewhere nothing."""
    if sys.platform != "linux" or not any("://" in each for each in sys.argv):
        return
    import ctypes  # not needed by most commands, and slow to load

    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        before = Path("/proc/self/cmdline").read_bytes()
        after = b"\0".join(map(without_secrets_padded, before.split(b"\0")))
        # The memory is this process's own, and is written only if it is what the kernel shows.
        if before != after and start > 0 and end - start == len(before) == len(after):
            ctypes.memmove(start, after, len(after))


def without_secrets_padded(argument: bytes) -> bytes:
    """An argument of the same length without secrets; one without an address as it is."""
    if b"://" not in argument:
        return argument
    redacted = os.fsencode(redact_argument(os.fsdecode(argument)))
    if redacted == argument:
        return argument
    return redacted[: len(argument)].ljust(len(argument), b"*")
