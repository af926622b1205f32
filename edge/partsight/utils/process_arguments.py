"""Removes secrets from the arguments of this process, which every user sees with ``ps``.

A password in ``--source`` or ``--backbone`` is visible until this program has overwritten it. On a
machine with other users, use ``password_file`` instead.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from partsight.utils.redaction import redact_argument

__all__ = ["hide_arguments", "without_secrets_padded"]

# Fields of proc_pid_stat(5), counted from the field after the program's name.
_ARG_START, _ARG_END = 45, 46


def hide_arguments() -> None:
    """Overwrite secrets in the arguments of this process, on Linux."""
    if sys.platform != "linux" or not any("://" in each for each in sys.argv):
        return
    import ctypes  # not needed by most commands, and slow to load

    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        before = Path("/proc/self/cmdline").read_bytes()
        after = b"\0".join(map(without_secrets_padded, before.split(b"\0")))
        # Written only if this memory holds exactly the arguments that the kernel shows.
        if before != after and start > 0 and end - start == len(before) == len(after):
            ctypes.memmove(start, after, len(after))


def without_secrets_padded(argument: bytes) -> bytes:
    """The argument without secrets, padded to its length; unchanged if it has no address."""
    if b"://" not in argument:
        return argument
    redacted = os.fsencode(redact_argument(os.fsdecode(argument)))
    if redacted == argument:
        return argument
    return redacted[: len(argument)].ljust(len(argument), b"*")
