"""Two runtimes, or two machines, gave the same label and verdict for every picture.

usage: same_verdicts.py A.jsonl B.jsonl
"""

import json
import sys
from pathlib import Path

first, second = (
    # Of each machine's folder, the picture and its label.
    {
        Path(row["path"]).parts[-2:]: row
        for row in map(json.loads, Path(name).read_text().splitlines())
    }
    for name in sys.argv[1:]
)
assert first
assert first.keys() == second.keys()
differing = [
    path
    for path, row in first.items()
    if (row["label"], row["verdict"]) != (second[path]["label"], second[path]["verdict"])
]
sys.stdout.write(f"{len(first)} pictures, {len(differing)} judged differently {differing}\n")
sys.exit(bool(differing))
