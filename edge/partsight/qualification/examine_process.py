"""One examination of a model in a child process of lower priority: started by ``isolated``.

The request is the argument, the model is on stdin, and the findings are JSON on stdout.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys

from partsight.inference.interpreter import load_runtime
from partsight.inference.runtimes import choose_runtime
from partsight.qualification.child_process import answer
from partsight.qualification.examine import examine
from partsight.qualification.rules import ExaminationRequest

__all__ = ["main"]

# Inspection has priority on the cores. A process is used, as a thread of lower priority that holds
# the lock of the interpreter would delay inspection.
_NICENESS = 10
# The model, twice while the runtime prepares it, and a large image of the acceptance set.
_MOST_MEMORY = 2 << 30


def main() -> None:
    """Examine one model."""
    request = ExaminationRequest.model_validate_json(sys.argv[1])
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    answer(
        lambda: load_runtime(choose_runtime(request.runtime.runtime)),
        functools.partial(_findings, request),
        _MOST_MEMORY,
    )


def _findings(request: ExaminationRequest, model: bytes) -> str:
    found = examine(model, request.rules, request.trust, request.runtime)
    return json.dumps(dataclasses.asdict(found))


if __name__ == "__main__":
    main()
