"""Run a program and say how it ended: ``python -m tests.corpus.measured SECONDS REPORT PROGRAM...``

Leaves: its output as it comes, and a JSON object in the file REPORT: its code, 1000 where it had
to be killed, and the most memory it had. A process of its own, because a child's measure begins
with what its parent has, and a test run has much.
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
