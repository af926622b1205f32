"""One run of a model file, in a process that may go down with it: what ``trial`` starts.

Enters: a model on stdin. Ends with 0; with 3 and a reason on stdout where the runtime refuses
it; or however the native code ends.
"""

from __future__ import annotations

import sys

import numpy as np

from partsight.errors import PartsightError
from partsight.runtime.interpreter import Interpreter

__all__ = ["REFUSED", "main"]

REFUSED = 3
_MOST_MEMORY = 1 << 30


def main() -> None:
    """Load and invoke once, on zeros."""
    _limit_memory()
    try:
        interpreter = Interpreter(sys.stdin.buffer.read())
        interpreter.invoke(np.zeros(interpreter.input.shape, interpreter.input.dtype))
    except (PartsightError, MemoryError) as error:
        # On stdout: the native code says on stderr what it likes.
        sys.stdout.write(" ".join(str(error).split()) or "it takes too much memory")
        sys.exit(REFUSED)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such thing
        return
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))


if __name__ == "__main__":
    main()
