"""Run a program and measure it: ``python -m tests.corpus.measured SECONDS REPORT PROGRAM...``

Its output is passed through. The file REPORT gets a JSON object with its exit code, or 1000 if it
was killed after SECONDS, and its peak memory. This runs in a process of its own, because the
measurement of a child includes the memory of its parent.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

__all__ = ["KILLED"]

KILLED = 1000


def main() -> None:
    limit_s, report, *program = sys.argv[1:]
    try:
        code = subprocess.run(program, timeout=float(limit_s), check=False).returncode
    except subprocess.TimeoutExpired:
        code = KILLED
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    Path(report).write_text(json.dumps({"code": code, "peak": peak}))


if __name__ == "__main__":
    main()
