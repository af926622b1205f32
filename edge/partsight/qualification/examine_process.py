"""One examination of a model in a child process of lower priority: started by ``aside``.

The rules are the argument, the model is on stdin, and the findings are JSON on stdout.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys

from partsight.inference.interpreter import load_runtime
from partsight.inference.runtimes import choose_runtime
from partsight.qualification.child_process import answer
from partsight.qualification.examine import examine
from partsight.qualification.rules import Rules

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
