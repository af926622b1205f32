"""One run of a model in a child process that may crash on it: started by ``trial``."""

from __future__ import annotations

import numpy as np

from partsight.inference.interpreter import Interpreter, load_runtime
from partsight.inference.runtimes import choose_runtime
from partsight.qualification.child_process import answer

__all__ = ["main"]

_MOST_MEMORY = 1 << 30


def main() -> None:
    """Load the model and invoke it once, on zeros."""
    answer(lambda: load_runtime(choose_runtime()), _run)


def _run(model: bytes) -> str:
    _limit_memory()
    interpreter = Interpreter(model)
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
    main()
