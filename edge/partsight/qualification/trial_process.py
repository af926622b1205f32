"""One run of a model in a child process that may crash: started by ``trial``.

The name of the runtime is the argument, the model is on stdin.
"""

from __future__ import annotations

import functools
import sys

import numpy as np

from partsight.inference.interpreter import Interpreter, load_runtime
from partsight.inference.runtimes import RuntimeOptions, choose_runtime
from partsight.qualification.child_process import answer

__all__ = ["main"]

_MOST_MEMORY = 1 << 30


def main(runtime: str) -> None:
    """Load the model and invoke it once, on zeros."""
    answer(lambda: load_runtime(choose_runtime(runtime)), functools.partial(_run, runtime))


def _run(runtime: str, model: bytes) -> str:
    _limit_memory()
    interpreter = Interpreter(model, RuntimeOptions(runtime))
    interpreter.invoke(np.zeros(interpreter.input.shape, interpreter.input.dtype))
    return ""


def _limit_memory() -> None:
    """Limit the data of this process, unless a lower limit is set already."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft == resource.RLIM_INFINITY or soft > _MOST_MEMORY:
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, hard))


if __name__ == "__main__":
    main(sys.argv[1])
