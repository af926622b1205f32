"""Locks between processes: one holder at a time, until its file is closed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from partsight.utils.lock import lock_file

TRY = """
import sys
from partsight.utils.lock import lock_file
with open(sys.argv[1], "ab") as stream:
    print(lock_file(stream, wait=False))
"""


def test_a_lock_is_held_until_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def acquired_by_another_process() -> str:
        command = [sys.executable, "-c", TRY, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with path.open("ab") as stream:
        assert lock_file(stream)
        assert acquired_by_another_process() == "False"
    assert acquired_by_another_process() == "True"
