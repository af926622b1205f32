"""The command line of partsight with a wall clock that a soak run can move.

    python -m tests.soak.line OFFSET_FILE watch --config partsight.toml

OFFSET_FILE has one 64-bit float: seconds by which the wall clock is wrong. It is mapped into
memory, so that a change takes effect at once. Only ``time.time``, ``time.time_ns`` and
``partsight.utils.wall_clock`` are patched: file times and the clocks of child processes stay right,
unlike on a device whose clock is wrong.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

__all__ = ["write_offset"]

_DOUBLE = struct.Struct("<d")


def write_offset(path: Path, seconds: float) -> None:
    """Set the error of the clock of a line that runs with this file, or will."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(_DOUBLE.pack(seconds))


def _patch(path: Path) -> None:
    with path.open("rb") as file:
        offset = mmap.mmap(file.fileno(), _DOUBLE.size, access=mmap.ACCESS_READ)
    true_time, true_ns = time.time, time.time_ns

    def seconds() -> float:
        return float(_DOUBLE.unpack_from(offset)[0])

    def now() -> datetime:
        return datetime.fromtimestamp(true_time(), timezone.utc) + timedelta(seconds=seconds())

    time.time = lambda: true_time() + seconds()
    time.time_ns = lambda: true_ns() + int(seconds() * 1e9)
    # Before any other module of partsight is loaded, which keep the function they import.
    from partsight.utils import wall_clock

    wall_clock.utc_now = now


def _main() -> None:
    _patch(Path(sys.argv.pop(1)))
    from partsight.cli.main import main

    main()


if __name__ == "__main__":
    _main()
