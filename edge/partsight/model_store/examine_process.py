"""One examination of a model in a child process of lower priority: started by ``aside``.

The rules are the argument, the model is on stdin, and the findings are JSON on stdout.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys

from partsight.model.child_process import answer
from partsight.model_store.examine import examine
from partsight.model_store.rules import Rules
from partsight.runtime.interpreter import load_runtime
from partsight.runtime.runtimes import choose_runtime

__all__ = ["main"]

# Inspection goes first where cores are few. Of the process only: a thread of the line's own that
# is put behind others while it holds Python's lock would hold inspection up.
_NICENESS = 10


def main() -> None:
    """Examine once."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    answer(lambda: load_runtime(choose_runtime()), _findings)


def _findings(model: bytes) -> str:
    return json.dumps(dataclasses.asdict(examine(model, Rules.from_json(sys.argv[1]))))


if __name__ == "__main__":
    main()
