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
    answer(
        lambda: load_runtime(choose_runtime(runtime)),
        functools.partial(_run, runtime),
        _MOST_MEMORY,
    )


def _run(runtime: str, model: bytes) -> str:
    interpreter = Interpreter(model, RuntimeOptions(runtime))
    interpreter.invoke(np.zeros(interpreter.input.shape, interpreter.input.dtype))
    return ""


if __name__ == "__main__":
    main(sys.argv[1])
