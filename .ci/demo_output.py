"""Check that the demo printed each line that the README shows; numbers may differ.

usage: python demo_output.py README.md OUTPUT_OF_THE_DEMO
"""

import re
import sys
from pathlib import Path

# Enough to recognize a line. Its end may depend on the result, such as the two thresholds.
BEGINNING = 25


def beginning(line: str) -> str:
    """The first characters of a line, with each number replaced by 0."""
    return re.sub(r"\d+(\.\d+)?", "0", line.strip())[:BEGINNING]


readme, output = (Path(argument).read_text("utf-8") for argument in sys.argv[1:])
(shown,) = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
printed = {beginning(line) for line in output.splitlines()}
missing = [line for line in shown.splitlines() if beginning(line) not in printed]
if missing:
    sys.exit("\n".join(["The README shows lines that the demo does not print:", *missing]))
