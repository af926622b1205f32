"""Commands that start this program in a child process, for work that may crash or hang."""

from __future__ import annotations

import sys

__all__ = ["python_module"]


def python_module(name: str) -> tuple[str, ...]:
    """The command that runs a module of this package in a process of its own.

    By default Python looks for modules in the current folder first. A service keeps its files
    there, and a file in that folder must not replace the code that examines a model. The first
    argument is empty if this process does not know its executable.
    """
    if sys.flags.isolated:
        return (sys.executable, "-I", "-m", name)
    # Not "-I": it would not find packages in the user's own site-packages.
    safe_path = ("-P",) if sys.version_info >= (3, 11) else ()
    return (sys.executable, *safe_path, "-m", name)
