"""One examination, in a process that inspection does not wait for: what ``aside`` starts.

Enters: rules as the argument, a model on stdin. Ends with 0 and what was found, as JSON on
stdout; with 3 and a reason on stdout; or however the native code ends.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys

from partsight.errors import PartsightError
from partsight.model.trial_process import REFUSED
from partsight.model_store.examine import examine
from partsight.model_store.rules import Rules

__all__ = ["main"]

# Inspection goes first where cores are few. Of the process only: a thread of the line's own that
# is put behind others while it holds Python's lock would hold inspection up.
_NICENESS = 10


def main() -> None:
    """Examine once."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        findings = examine(sys.stdin.buffer.read(), Rules.from_json(sys.argv[1]))
    except (PartsightError, MemoryError) as error:
        sys.stdout.write(" ".join(str(error).split()) or "it takes too much memory")
        sys.exit(REFUSED)
    sys.stdout.write(json.dumps(dataclasses.asdict(findings)))


if __name__ == "__main__":
    main()
