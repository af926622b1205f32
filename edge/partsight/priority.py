"""Work that inspection goes before, where cores are few: called first by whoever does such work."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

__all__ = ["lower_priority"]

# The usual one of the command nice.
_NICENESS = 10


def lower_priority() -> None:
    """Let the calling thread wait for those of a higher priority.

    Of Linux, where each thread has a priority of its own; elsewhere it would be the whole line's.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
