"""How this program starts itself once more, for what may crash, hang or run out of memory."""

from __future__ import annotations

import sys

__all__ = ["python_module"]


def python_module(name: str) -> tuple[str, ...]:
    """The command that runs a module of this package in a process of its own.

    Python would look for modules in the current folder first, where a service keeps its files:
    whoever can write there must not choose what a model is examined by. The first is empty where
    this process does not know its executable.
    """
    if sys.flags.isolated:
        return (sys.executable, "-I", "-m", name)
    # Not isolated for that alone: it would not find what a user has installed.
    safe_path = ("-P",) if sys.version_info >= (3, 11) else ()
    return (sys.executable, *safe_path, "-m", name)
